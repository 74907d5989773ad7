package ingress

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// readyDeadline is how long the queue may take to say that it can store: what is slower would fail deliveries.
const readyDeadline = storeDeadline

// Storage is what a Readiness asks.
type Storage interface {
	// Ready says whether a message could be stored now.
	Ready(ctx context.Context) error
}

// Readiness serves GET /readyz: 200 while a delivery can be stored, else 503. A server that shuts down calls Drain first
// and goes on serving for some seconds, so that nobody sends it another delivery when it stops (failure mode A1).
type Readiness struct {
	storage  Storage
	clock    seam.Clock
	draining atomic.Bool
}

// NewReadiness returns the handler.
func NewReadiness(storage Storage, clock seam.Clock) *Readiness {
	return &Readiness{storage: storage, clock: clock}
}

// Drain makes every further answer 503.
func (r *Readiness) Drain() { r.draining.Store(true) }

// ServeHTTP implements http.Handler.
func (r *Readiness) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if r.draining.Load() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := r.clock.WithTimeout(request.Context(), readyDeadline)
	defer cancel()
	if err := r.storage.Ready(ctx); err != nil {
		http.Error(w, "a delivery cannot be stored: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// Settings of an HTTP server that takes webhooks.
const (
	headerTimeout  = 5 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10 // GitHub's are about 1 KB
)

// Harden sets the limits of a server that strangers reach. There is none on the whole answer, since an agent's poll lasts
// 20 s; the handlers bound their own.
func Harden(s *http.Server) {
	s.ReadHeaderTimeout = headerTimeout
	s.IdleTimeout = idleTimeout
	s.MaxHeaderBytes = maxHeaderBytes
}
