package controller

import (
	"context"
	"sync"
	"time"
)

// dueSeldom is how often rows that are due are looked for at least, where each look is billed. What was written by this replica it
// looks at in time; another replica's row waits for so long at most, which leaves the bounds of section 9 as they are.
const dueSeldom = 5 * time.Second

// dueMost is the longest time between two passes over the due index.
func (c *Controller) dueMost() time.Duration {
	if c.Billed {
		return max(dueSeldom, c.DueInterval)
	}
	return c.DueInterval
}

// dues says when the due index must be read next.
type dues struct {
	mu   sync.Mutex
	next time.Time
	wake context.CancelFunc // ends the sleep until then
}

// plan notes when the next pass is due, as a pass found it.
func (d *dues) plan(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = at
}

// written is told that this replica has written a row that is due at a time.
func (d *dues) written(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !at.Before(d.next) {
		return
	}
	d.next = at
	if d.wake != nil {
		d.wake()
	}
}

// rest sleeps until the next pass: after DueInterval at the earliest, after dueMost at the latest.
func (c *Controller) rest(ctx context.Context) error {
	began := c.Clock.Now()
	for {
		now, d := c.Clock.Now(), &c.dues
		d.mu.Lock()
		wait := max(d.next.Sub(now), c.DueInterval-now.Sub(began))
		wait = min(wait, c.dueMost()-now.Sub(began))
		if wait <= 0 {
			d.mu.Unlock()
			return nil
		}
		sleep, wake := context.WithCancel(ctx)
		d.wake = wake
		d.mu.Unlock()
		_ = c.Clock.Sleep(sleep, wait)
		d.mu.Lock()
		d.wake = nil
		d.mu.Unlock()
		wake()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
