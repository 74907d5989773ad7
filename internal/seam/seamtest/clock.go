// Package seamtest has time and randomness for tests that do without a bubble of virtual time: a clock that is moved by hand, and
// repeatable chance.
package seamtest

import (
	"context"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Clock is a seam.Clock that stands still until it is moved, or slept on. Its WithTimeout is the machine's.
type Clock struct {
	seam.System

	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock at a whole second, whenever that is.
func NewClock() *Clock { return At(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)) }

// At returns a clock at a time.
func At(now time.Time) *Clock { return &Clock{now: now} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock, and returns its time then.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// Sleep moves the clock forward at once.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}
