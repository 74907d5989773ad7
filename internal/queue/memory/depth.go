package memory

import (
	"context"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// Depth counts the queue's messages.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	if err := q.begin(ctx); err != nil {
		return queue.Depth{}, fmt.Errorf("counting messages: %w", err)
	}
	now := q.clock.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	d := queue.Depth{Dead: len(q.dead)}
	for _, m := range q.live {
		if m.receives > 0 && m.visible.After(now) {
			d.Taken++
		} else {
			d.Ready++
		}
	}
	return d, nil
}
