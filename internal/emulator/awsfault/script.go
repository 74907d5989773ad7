package awsfault

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
)

// Script is a transport that gives the requests of an operation their faults, the first request the first; later ones
// pass. It is safe for concurrent use.
type Script struct {
	next http.RoundTripper

	mu     sync.Mutex
	faults map[string][]Fault
	always map[string]Fault
	bodies map[string][]string
}

// NewScript returns a transport without faults.
func NewScript(next http.RoundTripper) *Script {
	return &Script{next: next, faults: map[string][]Fault{}, always: map[string]Fault{}, bodies: map[string][]string{}}
}

// RoundTrip implements http.RoundTripper.
func (s *Script) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	passed := r
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err //nolint:wrapcheck // the caller's own
		}
		if err := r.Body.Close(); err != nil {
			return nil, err //nolint:wrapcheck // the caller's own
		}
		passed = r.Clone(r.Context())
		passed.Body = io.NopCloser(bytes.NewReader(body))
	}
	if f := s.take(OperationOf(r).Name, string(body)); f != nil {
		return f(passed, s.next)
	}
	return s.next.RoundTrip(passed)
}

func (s *Script) take(operation, body string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies[operation] = append(s.bodies[operation], body)
	if left := s.faults[operation]; len(left) > 0 {
		s.faults[operation] = left[1:]
		return left[0]
	}
	if all := s.always[""]; all != nil {
		return all
	}
	return s.always[operation]
}

// On makes the next requests of an operation fail so.
func (s *Script) On(operation string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[operation] = faults
}

// OnEach makes the next n requests of an operation fail so.
func (s *Script) OnEach(operation string, n int, f Fault) {
	s.On(operation, slices.Repeat([]Fault{f}, n)...)
}

// Ever makes all requests of an operation fail so, or those of all operations (""); nil ends it. It returns what they did before.
func (s *Script) Ever(operation string, f Fault) (before Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, s.always[operation] = s.always[operation], f
	return before
}

// Requests returns the bodies of an operation's requests, in their order.
func (s *Script) Requests(operation string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies[operation])
}

// Count is how many requests an operation had.
func (s *Script) Count(operation string) int { return len(s.Requests(operation)) }
