package sqs_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// cutRefusal is a refusal of which nobody can say what it refuses.
func cutRefusal(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	refused := roundTripper(func(r *http.Request) (*http.Response, error) { return awsfault.Refuses(400, "x")(r, next) })
	return awsfault.CutAnswer(5)(r, refused)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answers is an answer that SQS did not give.
func answers(status int, body string) awsfault.Fault {
	return awsfault.Answers(status, http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, body)
}

// hurried is the machine's clock, but for waits between attempts, which it only notes.
type hurried struct {
	seam.System

	mu    sync.Mutex
	slept []time.Duration
}

func (h *hurried) Sleep(ctx context.Context, d time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slept = append(h.slept, d)
	return ctx.Err()
}

func (h *hurried) waits() []time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.slept
}

type faulty struct {
	*sqs.Queue
	*awsfault.Script

	clock *hurried
}

func withFaults(t *testing.T, o sqs.Options) faulty {
	t.Helper()
	cfg := awstest.Config(t, emulators.MiniStack(t))
	client, ok := cfg.HTTPClient.(*http.Client)
	if !ok {
		t.Fatalf("the configuration's client is a %T", cfg.HTTPClient)
	}
	f := faulty{clock: &hurried{}, Script: awsfault.NewScript(client.Transport)}
	cfg.HTTPClient = &http.Client{Transport: f.Script}
	o.Clock = f.clock
	f.Queue = closing(t, open(t, cfg, o))
	return f
}

// md5Of is a body's checksum, which the SDK holds an answer to.
func md5Of(body string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(body)))
}

// together runs tests side by side: most of their time they wait.
func together(t *testing.T, faults map[string]awsfault.Fault, test func(*testing.T, awsfault.Fault)) {
	t.Helper()
	var all sync.WaitGroup
	defer all.Wait()
	for name, f := range faults {
		all.Go(func() { t.Run(name, func(t *testing.T) { test(t, f) }) })
	}
}
