package sqs_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

var errLost = errors.New("connection reset")

// fault is what becomes of one request; next sends it.
type fault func(r *http.Request, next http.RoundTripper) (*http.Response, error)

// lostAnswer lets the request have its effect and loses the answer.
func lostAnswer(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	response, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return nil, errors.Join(errLost, err, response.Body.Close())
}

// lostRequest never arrives.
func lostRequest(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errLost }

// cutAnswer breaks off within the answer's body.
func cutAnswer(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	response, err := next.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(response.Body, 5), broken{}), response.Body}
	}
	return response, err
}

// cutRefusal is a refusal of which nobody can say what it refuses.
func cutRefusal(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	return cutAnswer(r, roundTripper(func(r *http.Request) (*http.Response, error) { return refuses(400, "x")(r, next) }))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// silence never answers.
func silence(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// refuses is an error of SQS that was not asked.
func refuses(status int, code string) fault {
	return answers(status, fmt.Sprintf(`{"__type":"com.amazonaws.sqs#%s","message":"injected"}`, code))
}

func answers(status int, body string) fault {
	return func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Request: r, ProtoMajor: 1, ProtoMinor: 1,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	}
}

// injector gives the requests of an action their faults, the first request the first; later ones pass.
type injector struct {
	next http.RoundTripper

	mu     sync.Mutex
	faults map[string][]fault
	always map[string]fault
	bodies map[string][]string // of the requests, in their order
}

func action(r *http.Request) string {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return name
}

func (i *injector) RoundTrip(r *http.Request) (*http.Response, error) {
	name := action(r)
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	passed := r.Clone(r.Context())
	passed.Body = io.NopCloser(strings.NewReader(string(content)))
	i.mu.Lock()
	i.bodies[name] = append(i.bodies[name], string(content))
	f := i.always[name]
	if all := i.always[""]; all != nil {
		f = all
	}
	if left := i.faults[name]; len(left) > 0 {
		f, i.faults[name] = left[0], left[1:]
	}
	i.mu.Unlock()
	if f == nil {
		return i.next.RoundTrip(passed)
	}
	return f(passed, i.next)
}

// on makes the next requests of an action fail so.
func (i *injector) on(action string, faults ...fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.faults[action] = faults
}

// onEach makes the next n requests of an action fail so.
func (i *injector) onEach(action string, n int, f fault) {
	i.on(action, slices.Repeat([]fault{f}, n)...)
}

// ever makes all requests of an action fail so, or those of all actions; nil ends it.
func (i *injector) ever(action string, f fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.always[action] = f
}

func (i *injector) requests(action string) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.bodies[action]
}

func (i *injector) count(action string) int { return len(i.requests(action)) }

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
	*injector

	clock *hurried
}

func withFaults(t *testing.T, o sqs.Options) faulty {
	t.Helper()
	cfg := awstest.Config(t, emulators.MiniStack(t))
	client, ok := cfg.HTTPClient.(*http.Client)
	if !ok {
		t.Fatalf("the configuration's client is a %T", cfg.HTTPClient)
	}
	f := faulty{clock: &hurried{}, injector: &injector{
		next: client.Transport, faults: map[string][]fault{}, always: map[string]fault{}, bodies: map[string][]string{},
	}}
	cfg.HTTPClient = &http.Client{Transport: f.injector}
	o.Clock = f.clock
	f.Queue = closing(t, open(t, cfg, o))
	return f
}

// md5Of is a body's checksum, which the SDK holds an answer to.
func md5Of(body string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(body)))
}

// together runs tests side by side: most of their time they wait.
func together(t *testing.T, faults map[string]fault, test func(*testing.T, fault)) {
	t.Helper()
	var all sync.WaitGroup
	defer all.Wait()
	for name, f := range faults {
		all.Go(func() { t.Run(name, func(t *testing.T) { test(t, f) }) })
	}
}
