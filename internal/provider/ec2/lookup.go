package ec2

import (
	"context"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/owned"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// lookups gathers questions about single instances into few calls: the machines of one launch say hello within seconds, and EC2
// refills twenty calls a second for a whole account (page "ec2-api-throttling").
type lookups struct {
	mu   sync.Mutex
	next *question // being gathered
}

type question struct {
	ids    []string
	done   chan struct{}
	answer map[string]owned.Instance
	err    error
}

// gathered is how long a question waits for others, and askedAtOnce how many instances one call concerns: values of a filter
// (page "API_DescribeInstances").
const (
	gathered    = 50 * time.Millisecond
	askedAtOnce = 200
)

// ask returns the instance, or nothing if the listing does not show it.
func (l *lookups) ask(
	ctx context.Context, clock seam.Clock, id string, list func(context.Context, []string) ([]owned.Instance, error),
) (*owned.Instance, error) {
	q, first := l.join(id)
	if first {
		l.answer(ctx, clock, q, list)
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if !first { // who was woken together goes on one after the other
		if err := clock.Sleep(ctx, 0); err != nil {
			return nil, err
		}
	}
	if q.err != nil {
		return nil, q.err
	}
	if found, ok := q.answer[id]; ok {
		return &found, nil
	}
	return nil, nil //nolint:nilnil // nothing was found, and nothing failed
}

func (l *lookups) join(id string) (q *question, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = l.next == nil
	if first {
		l.next = &question{done: make(chan struct{}), answer: map[string]owned.Instance{}}
	}
	q = l.next
	if q.ids = append(q.ids, id); len(q.ids) == askedAtOnce {
		l.next = nil
	}
	return q, first
}

// answer asks for all that have gathered. If its caller gives up, all have failed, and say hello again.
func (l *lookups) answer(ctx context.Context, clock seam.Clock, q *question, list func(context.Context, []string) ([]owned.Instance, error)) {
	defer close(q.done)
	q.err = clock.Sleep(ctx, gathered)
	l.mu.Lock()
	if l.next == q {
		l.next = nil
	}
	ids := q.ids
	l.mu.Unlock()
	if q.err != nil {
		return
	}
	found, err := list(ctx, ids)
	q.err = err
	for _, i := range found {
		q.answer[i.ID] = i
	}
}
