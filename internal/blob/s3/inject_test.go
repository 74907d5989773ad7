package s3_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// unreadable is a refusal of which nothing but the status arrives.
func unreadable(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusPreconditionFailed, Header: http.Header{}, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(broken{}), ContentLength: 100,
	}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// hurried is the machine's clock, but for waits between attempts, which it only counts, and for bodies that stand still,
// which it gives up soon.
type hurried struct {
	seam.System

	mu     sync.Mutex
	slept  []time.Duration
	pause  func() // at each wait
	stalls bool   // whether a body's deadline comes soon
}

func (h *hurried) Sleep(ctx context.Context, d time.Duration) error {
	h.mu.Lock()
	h.slept = append(h.slept, d)
	pause := h.pause
	h.mu.Unlock()
	if pause != nil {
		pause()
	}
	return ctx.Err()
}

func (h *hurried) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if h.stalls && d == 20*time.Second {
		d = 100 * time.Millisecond
	}
	return h.System.WithTimeout(ctx, d)
}

type faulty struct {
	*s3.Store
	*awsfault.Script

	clock *hurried
}

func withFaults(t *testing.T) faulty {
	t.Helper()
	cfg := awstest.Config(t, emulators.S3(t))
	client, ok := cfg.HTTPClient.(*http.Client)
	if !ok {
		t.Fatalf("the configuration's client is a %T", cfg.HTTPClient)
	}
	f := faulty{Script: awsfault.NewScript(client.Transport), clock: &hurried{}}
	cfg.HTTPClient = &http.Client{Transport: f.Script}
	var err error
	f.Store, err = s3.New(cfg, s3.Options{Bucket: awstest.Name(t), Clock: f.clock, Random: seam.Crypto{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Ensure(t.Context(), s3.Setup{}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f faulty) wantObject(t *testing.T, key, want string) {
	t.Helper()
	body, _, err := f.Get(t.Context(), key)
	if err != nil {
		t.Errorf("Get(%s): %v", key, err)
		return
	}
	got, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil || string(got) != want {
		t.Errorf("Get(%s) = %d bytes, %v; want %d", key, len(got), err, len(want))
	}
}
