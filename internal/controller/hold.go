package controller

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// A message whose work takes long is kept from being delivered again. A third of the queue's visibility time leaves room for
// an extension that fails.
const (
	holdEvery = 20 * time.Second
	holdFor   = time.Minute
)

// hold extends the deliveries whose work goes on, until the context ends.
func (c *Controller) hold(ctx context.Context, messages []queue.Message, over []atomic.Bool) {
	for c.Clock.Sleep(ctx, holdEvery) == nil {
		for i, m := range messages {
			if over[i].Load() {
				continue
			}
			if err := c.extend(ctx, m, holdFor); err != nil && ctx.Err() == nil {
				c.Logger.WarnContext(ctx, "a message may be delivered again while it is worked on, which changes nothing", "message", m.ID, "error", err)
			}
		}
	}
}

func (c *Controller) extend(ctx context.Context, m queue.Message, d time.Duration) error {
	ctx, cancel := c.Clock.WithTimeout(ctx, extendTimeout)
	defer cancel()
	return c.Queue.Extend(ctx, m.Receipt, d)
}

const extendTimeout = 10 * time.Second
