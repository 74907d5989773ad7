package storetest

import (
	"context"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Clock is a seam.Clock that stands still until it is advanced. Its Sleep and WithTimeout are the machine's, since a store
// uses neither.
type Clock struct {
	seam.System

	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock at a whole second.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)}
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Sleep moves the clock forward at once.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}
