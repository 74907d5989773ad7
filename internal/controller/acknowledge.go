package controller

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Messages that were applied are deleted some together, after one sync of the store for all of them: nobody waits for
// that, and a message that comes again because this process ended before changes nothing.
const (
	acknowledgeGather  = 20 * time.Millisecond
	acknowledgeSeldom  = 10 * time.Second // where a call is billed, unless one is full before; an eighth of the visibility time
	acknowledgeAtOnce  = 8                // calls of the queue side by side
	acknowledgeTimeout = 45 * time.Second // below the queue's visibility time of 60 s
)

// acknowledgements are receipts of messages whose effects are written, and perhaps not durable yet.
type acknowledgements struct {
	mu       sync.Mutex
	receipts []string
	running  bool
	full     context.CancelFunc // ends the gathering
}

// add says whether somebody has to be started who takes them.
func (a *acknowledgements) add(receipts []string) (start bool) {
	if len(receipts) == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.receipts = append(a.receipts, receipts...)
	if len(a.receipts) >= queue.MaxBatch && a.full != nil {
		a.full()
	}
	start = !a.running
	a.running = true
	return start
}

// gather waits until a call is full, for d at most.
func (a *acknowledgements) gather(ctx context.Context, clock seam.Clock, d time.Duration) {
	sleep, full := context.WithCancel(ctx)
	defer full()
	a.mu.Lock()
	a.full = full
	if len(a.receipts) >= queue.MaxBatch {
		full()
	}
	a.mu.Unlock()
	_ = clock.Sleep(sleep, d) // a server that stops does not wait
}

// take returns what there is; nothing ends the taker's work.
func (a *acknowledgements) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.receipts
	a.receipts = nil
	a.running = len(taken) > 0
	return taken
}

// acknowledge deletes messages soon.
func (c *Controller) acknowledge(ctx context.Context, receipts []string) {
	if !c.acknowledged.add(receipts) {
		return
	}
	c.spawn(ctx, "acknowledge "+receipts[0], func(ctx context.Context) {
		for {
			if c.Billed {
				c.acknowledged.gather(ctx, c.Clock, acknowledgeSeldom)
			} else {
				_ = c.Clock.Sleep(ctx, acknowledgeGather) // a server that stops does not wait
			}
			taken := c.acknowledged.take()
			if len(taken) == 0 {
				return
			}
			c.deleteMessages(ctx, taken)
		}
	})
}

// deleteMessages forgets messages whose effects are written, once these are durable (AckAfterDurable).
func (c *Controller) deleteMessages(ctx context.Context, receipts []string) {
	ctx, cancel := c.Clock.WithTimeout(context.WithoutCancel(ctx), acknowledgeTimeout)
	defer cancel()
	if err := c.Records.Sync(ctx); err != nil {
		c.notDeleted(ctx, err)
		return
	}
	for some := range slices.Chunk(receipts, queue.MaxBatch*acknowledgeAtOnce) {
		var all sync.WaitGroup
		for batch := range slices.Chunk(some, queue.MaxBatch) {
			all.Go(func() {
				ctx := c.begin(ctx, "delete "+batch[0])
				if err := c.Queue.Delete(ctx, batch...); err != nil {
					c.notDeleted(ctx, err)
				}
			})
		}
		all.Wait()
	}
}

func (c *Controller) notDeleted(ctx context.Context, err error) {
	c.Observer.FellBack(FallbackDelete)
	c.Logger.WarnContext(ctx, "messages were applied but not deleted; applying them again changes nothing", "error", err)
}
