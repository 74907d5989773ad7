package controller

import (
	"context"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Jobs that arrive together become one launch (rule 2.1).
const (
	gatherQuiet = 25 * time.Millisecond
	gatherMost  = 100 * time.Millisecond
)

// hints turns "look again at this shape" into reconciles: one at a time for each shape of this replica, jobs gathered for
// a moment, anything else at once. A hint may be lost with the process: every 10 s all shapes are looked at anyway.
type hints struct {
	c *Controller

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // of Run: hints come from calls whose own contexts end sooner (failure mode A3)
	shapes  map[fleet.ShapeKey]*hinted
	stopped bool
}

type hinted struct {
	again  bool               // a hint came after the reconcile had begun
	urgent bool               // do not gather
	jobs   int                // hinted at since the reconcile before
	last   time.Time          // of a job's hint
	wake   context.CancelFunc // ends the gathering
}

func (h *hints) init(c *Controller) {
	h.c = c
	h.shapes = map[fleet.ShapeKey]*hinted{}
}

func (h *hints) start(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ctx = ctx
}

func (h *hints) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
}

// job says that a job of the shape arrived.
func (h *hints) job(k fleet.ShapeKey) { h.hint(k, false) }

// now says that the shape must be looked at without delay.
func (h *hints) now(k fleet.ShapeKey) { h.hint(k, true) }

func (h *hints) hint(k fleet.ShapeKey, urgent bool) {
	if k == "" {
		return
	}
	at := h.c.Clock.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil || h.stopped || h.ctx.Err() != nil {
		return
	}
	s := h.shapes[k]
	if s != nil {
		s.again, s.last = true, at
		if urgent {
			s.urgent = true
		} else {
			s.jobs++
		}
		if s.wake != nil && (s.urgent || s.whole()) {
			s.wake()
		}
		return
	}
	s = &hinted{again: true, urgent: urgent, last: at}
	if !urgent {
		s.jobs = 1
	}
	h.shapes[k] = s
	h.c.spawn(h.ctx, "reconcile "+string(k), func(ctx context.Context) { h.serve(ctx, k, s) })
}

// serve reconciles until no hint is left.
func (h *hints) serve(ctx context.Context, k fleet.ShapeKey, s *hinted) {
	done := false
	defer func() { // also when a reconcile panics
		if !done {
			h.mu.Lock()
			delete(h.shapes, k)
			h.mu.Unlock()
		}
	}()
	for began := h.c.Clock.Now(); ; {
		gathered := h.gather(ctx, s, began)
		h.mu.Lock()
		s.again, s.urgent, s.jobs = !gathered, false, 0
		h.mu.Unlock()
		reconcile := h.c.reconcileWhole
		if gathered {
			reconcile = h.c.Reconcile
			began = h.c.Clock.Now()
		}
		if err := reconcile(ctx, k); err != nil && ctx.Err() == nil {
			h.c.Observer.FellBack(FallbackReconcile)
			h.c.Logger.WarnContext(ctx, "reconcile ended early and will be tried again", "shape", k, "error", err)
		}
		h.mu.Lock()
		if !s.again || ctx.Err() != nil {
			delete(h.shapes, k)
			done = true
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
	}
}

// whole says that a launch is full: it need not wait for a further job.
func (s *hinted) whole() bool { return s.jobs >= fleet.MaxLaunchCount }

// gather waits until no job has come for 25 ms, 100 ms at most, or until an urgent hint. It returns false if a launch is full
// before: then jobs are gathered on.
func (h *hints) gather(ctx context.Context, s *hinted, began time.Time) (done bool) {
	for {
		now := h.c.Clock.Now()
		h.mu.Lock()
		wait := min(gatherQuiet-now.Sub(s.last), gatherMost-now.Sub(began))
		if s.urgent || wait <= 0 || s.whole() {
			done = s.urgent || wait <= 0
			h.mu.Unlock()
			return done
		}
		sleep, wake := context.WithCancel(ctx)
		s.wake = wake
		h.mu.Unlock()
		_ = h.c.Clock.Sleep(sleep, wait)
		h.mu.Lock()
		s.wake = nil
		h.mu.Unlock()
		wake()
		if ctx.Err() != nil {
			return true
		}
	}
}

// spawn runs f under Run's context rather than the caller's, which ends with its request (failure mode A3). If the
// controller is not running, otherwise is called instead.
func (h *hints) spawn(_ context.Context, name string, f func(context.Context), otherwise func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil || h.stopped || h.ctx.Err() != nil {
		otherwise()
		return
	}
	h.c.spawn(h.ctx, name, f)
}
