package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// counts are what is counted over many rows.
type counts struct {
	jobs     []view.Count
	machines map[string]int
}

// thrift is how many times longer than counting took its result is used again, so that pages that many people watch cost a
// large fleet a twentieth of a processor at most.
const thrift = 20

// counter remembers the last counts for as long as they were dear.
type counter struct {
	mu    sync.Mutex
	last  counts
	until time.Time
}

// counts returns numbers that are at most as old as they were dear: a second or so in a large fleet.
func (q *Queries) counts(ctx context.Context) (counts, error) {
	q.counter.mu.Lock()
	defer q.counter.mu.Unlock()
	began := q.clock.Now()
	if began.Before(q.counter.until) {
		return q.counter.last.clone(), nil
	}
	c, err := q.count(ctx)
	if err != nil {
		return counts{}, err
	}
	now := q.clock.Now()
	q.counter.last, q.counter.until = c, now.Add(thrift*now.Sub(began))
	return c.clone(), nil
}

func (c counts) clone() counts {
	return counts{slices.Clone(c.jobs), maps.Clone(c.machines)}
}

func (q *Queries) count(ctx context.Context) (counts, error) {
	out := counts{machines: map[string]int{}}
	for _, s := range order() {
		if s == fleet.JobCompleted {
			continue
		}
		n, more, err := q.records.CountJobs(ctx, s, countBound)
		if err != nil {
			return counts{}, fmt.Errorf("counting %s jobs: %w", s, err)
		}
		out.jobs = append(out.jobs, view.Count{State: string(s), Count: n, More: more})
	}
	states, err := q.records.LiveStates(ctx)
	if err != nil {
		return counts{}, fmt.Errorf("counting machines: %w", err)
	}
	for s, n := range states {
		out.machines[string(s)] = n
	}
	return out, nil
}

// LiveMachines counts the machines that live, by state.
func (q *Queries) LiveMachines(ctx context.Context) (map[string]int, error) {
	c, err := q.counts(ctx)
	return c.machines, err
}
