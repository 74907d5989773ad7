// Package wait is where the receivers of a queue in this process wait for a message. It has no goroutine and no timer of
// its own: a receiver waits in the injected clock's Sleep, and is woken by ending the context of that.
package wait

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// ErrClosed is returned to those who wait when the room is closed.
var ErrClosed = errors.New("queue is closed")

// Room holds the waiting receivers of one queue. The zero Room is ready for use.
type Room struct {
	mu      sync.Mutex
	waiters []*waiter // in the order of their arrival
	closed  bool
}

type waiter struct {
	wake  context.CancelFunc
	until time.Time // when it wakes by itself; zero while it is looking
	woken bool      // by a message that it has not looked for yet
}

// Look takes what is there. When it finds nothing, next is when something that exists will become visible, zero if nothing
// will.
type Look func(ctx context.Context) (found bool, next time.Time, err error)

// Wait looks, and looks again whenever there may be something, until something is found, the time is over (which is no
// error), the context ends or the room is closed.
func (r *Room) Wait(ctx context.Context, clock seam.Clock, limit time.Duration, look Look) error {
	deadline := clock.Now().Add(limit)
	for {
		over, err := r.round(ctx, clock, deadline, look)
		if over || err != nil {
			return err
		}
	}
}

// round looks once and then sleeps until it is worth looking again. It enters before it looks, so that what arrives in
// between is not missed.
func (r *Room) round(ctx context.Context, clock seam.Clock, deadline time.Time, look Look) (over bool, err error) {
	sleeping, wake := context.WithCancel(ctx)
	defer wake()
	w := &waiter{wake: wake}
	if err := r.enter(w); err != nil {
		return true, err
	}
	defer r.leave(w)
	found, next, err := look(ctx)
	if found || err != nil {
		return true, err
	}
	now := clock.Now()
	if !now.Before(deadline) {
		return true, nil
	}
	until := deadline
	if !next.IsZero() && next.Before(until) {
		until = next
	}
	r.sleepUntil(w, until)
	if err := clock.Sleep(sleeping, until.Sub(now)); err != nil && sleeping.Err() == nil {
		return true, err
	}
	if ctx.Err() != nil {
		r.passOn(w)
		return true, ctx.Err()
	}
	return false, nil
}

// passOn gives the message that a receiver was woken for to another, since it will not look for it.
func (r *Room) passOn(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.woken { // and so is not chosen itself
		r.wakeOne()
	}
}

func (r *Room) enter(w *waiter) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	r.waiters = append(r.waiters, w)
	return nil
}

func (r *Room) leave(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiters, w); i >= 0 {
		r.waiters = slices.Delete(r.waiters, i, i+1)
	}
}

func (r *Room) sleepUntil(w *waiter, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.until = until
}

// Visible says that messages that were sent, returned or delivered are visible from that time on: those who would sleep
// longer look again.
func (r *Room) Visible(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.waiters {
		if w.until.IsZero() || w.until.After(at) {
			w.wake()
		}
	}
}

// Arrived says that one message is visible now. One sleeper looks again, since one message has one receiver and every
// look is a transaction; if nobody sleeps, all look again who are looking.
func (r *Room) Arrived() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wakeOne()
}

func (r *Room) wakeOne() {
	for _, w := range r.waiters {
		if !w.woken && !w.until.IsZero() {
			w.woken = true
			w.wake()
			return
		}
	}
	for _, w := range r.waiters {
		if w.until.IsZero() {
			w.wake()
		}
	}
}

// Close wakes everyone for good.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, w := range r.waiters {
		w.wake()
	}
}
