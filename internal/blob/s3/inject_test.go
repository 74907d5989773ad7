package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

var errLost = errors.New("connection reset")

// fault is what becomes of one request; next sends it.
type fault func(r *http.Request, next http.RoundTripper) (*http.Response, error)

// lostAnswer lets the request have its effect and loses the answer (failure mode: time-out after success).
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

// answers is an answer of S3 that was not asked.
func answers(status int, code string) fault {
	return func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		body := fmt.Sprintf(`<?xml version="1.0"?><Error><Code>%s</Code><Message>injected</Message></Error>`, code)
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/xml"}}, Request: r, ProtoMajor: 1, ProtoMinor: 1,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	}
}

// unreadable is a refusal of which nothing but the status arrives.
func unreadable(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusPreconditionFailed, Header: http.Header{}, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(broken{}), ContentLength: 100,
	}, nil
}

// breaksOff ends the answer's body after some bytes.
func breaksOff(after int64) fault {
	return changed(func(body io.Reader, _ context.Context) io.Reader {
		return io.MultiReader(io.LimitReader(body, after), broken{})
	})
}

// damages changes the body's first byte.
func damages(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	return changed(func(body io.Reader, _ context.Context) io.Reader {
		_, _ = io.CopyN(io.Discard, body, 1)
		return io.MultiReader(strings.NewReader("?"), body)
	})(r, next)
}

// stalls sends some bytes and then nothing, until the request is given up.
func stalls(after int64) fault {
	return changed(func(body io.Reader, ctx context.Context) io.Reader {
		return io.MultiReader(io.LimitReader(body, after), silent{ctx})
	})
}

func changed(change func(io.Reader, context.Context) io.Reader) fault {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		if err == nil {
			response.Body = struct {
				io.Reader
				io.Closer
			}{change(response.Body, r.Context()), response.Body}
		}
		return response, err
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// injector gives the requests of an operation their faults, the first request the first; later ones pass.
type injector struct {
	next http.RoundTripper

	mu     sync.Mutex
	faults map[string][]fault
	seen   map[string]int
}

// operation names a request: its method, and what tells the steps of a multipart upload apart.
func operation(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case query.Has("uploads"):
		return "begin"
	case query.Has("partNumber"):
		return "part"
	case query.Has("uploadId") && r.Method == http.MethodPost:
		return "complete"
	case query.Has("uploadId"):
		return "abort"
	case query.Has("list-type"):
		return "list"
	default:
		return strings.ToLower(r.Method)
	}
}

func (i *injector) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	name := operation(r)
	i.seen[name]++
	var f fault
	if left := i.faults[name]; len(left) > 0 {
		f, i.faults[name] = left[0], left[1:]
	}
	i.mu.Unlock()
	if f == nil {
		return i.next.RoundTrip(r)
	}
	if r.Body != nil { // as a transport must
		defer r.Body.Close()
	}
	return f(r, i.next)
}

// on makes the next requests of an operation fail so.
func (i *injector) on(operation string, faults ...fault) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.faults[operation] = faults
}

func (i *injector) count(operation string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.seen[operation]
}

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
	*injector
	clock *hurried
}

func withFaults(t *testing.T) faulty {
	t.Helper()
	cfg := awstest.Config(t, emulators.S3(t))
	client, ok := cfg.HTTPClient.(*http.Client)
	if !ok {
		t.Fatalf("the configuration's client is a %T", cfg.HTTPClient)
	}
	f := faulty{injector: &injector{next: client.Transport, faults: map[string][]fault{}, seen: map[string]int{}}, clock: &hurried{}}
	cfg.HTTPClient = &http.Client{Transport: f.injector}
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
