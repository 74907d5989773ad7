// Package balancer stands before replicas as a load balancer does, for the demo and for tests.
package balancer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// Balancer asks each replica whether it is ready, and gives requests to those that are, in turn.
type Balancer struct {
	// URL is where it listens.
	URL string

	server *http.Server
	stop   context.CancelFunc
	over   sync.WaitGroup

	mu      sync.Mutex
	targets []*target
	next    int
}

type target struct {
	url   *url.URL
	ready bool
}

const (
	probeEvery  = 500 * time.Millisecond
	probeWithin = time.Second
	maxRequest  = 25 << 20 // GitHub's largest webhook

	headerTimeout = 10 * time.Second // for a connection to say what it wants
)

// errNoReplica is answered while no replica is ready.
var errNoReplica = errors.New("no replica is ready")

// Start opens a port before there is any replica.
func Start(ctx context.Context) (*Balancer, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port for the balancer: %w", err)
	}
	probing, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &Balancer{URL: "http://" + listener.Addr().String(), stop: stop}
	b.server = &http.Server{ReadHeaderTimeout: headerTimeout, Handler: &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetXForwarded() },
		Transport: b,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			status := http.StatusBadGateway
			if errors.Is(err, errNoReplica) {
				status = http.StatusServiceUnavailable
			}
			http.Error(w, err.Error(), status)
		},
	}}
	b.over.Go(func() { _ = b.server.Serve(listener) })
	b.over.Go(func() { b.probe(probing) })
	return b, nil
}

// Add gives the balancer a replica that is ready.
func (b *Balancer) Add(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("reading a replica's address: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets = append(b.targets, &target{url: u, ready: true})
	return nil
}

// RoundTrip sends a request to a replica. One that does not even take the connection has not seen the request, so the next
// one gets it.
func (b *Balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxRequest)) // to be able to send it twice
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	for range b.size() {
		t := b.choose()
		if t == nil {
			break
		}
		out := r.Clone(r.Context())
		out.Body = io.NopCloser(bytes.NewReader(body))
		out.URL.Scheme, out.URL.Host = t.url.Scheme, t.url.Host
		response, err := http.DefaultTransport.RoundTrip(out)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return response, err
		}
		b.note(t, false)
	}
	return nil, errNoReplica
}

func (b *Balancer) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.targets)
}

// choose returns the next replica that is ready, nil if none is.
func (b *Balancer) choose() *target {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.targets {
		b.next++
		if t := b.targets[b.next%len(b.targets)]; t.ready {
			return t
		}
	}
	return nil
}

func (b *Balancer) note(t *target, ready bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.ready = ready
}

func (b *Balancer) all() []*target {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*target(nil), b.targets...)
}

// probe asks every replica whether it is ready, again and again.
func (b *Balancer) probe(ctx context.Context) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, t := range b.all() {
			b.note(t, ready(ctx, t.url))
		}
	}
}

func ready(ctx context.Context, u *url.URL) bool {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("readyz").String(), nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// Close cuts off what is under way.
func (b *Balancer) Close() {
	b.stop()
	_ = b.server.Close()
	b.over.Wait()
}
