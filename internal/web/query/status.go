package query

import (
	"context"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// Status counts the jobs that have not ended and the machines that live, and adds what the caller knows of the server.
func (q *Queries) Status(ctx context.Context, about view.About, draining bool) (view.Status, error) {
	out := view.Status{About: about, At: q.clock.Now(), Draining: draining, Machines: map[string]int{}}
	for _, s := range order() {
		if s == fleet.JobCompleted {
			continue
		}
		n, more, err := q.count(ctx, s)
		if err != nil {
			return view.Status{}, fmt.Errorf("counting %s jobs: %w", s, err)
		}
		out.Jobs = append(out.Jobs, view.Count{State: string(s), Count: n, More: more})
	}
	live, err := q.records.LiveMachines(ctx)
	if err != nil {
		return view.Status{}, fmt.Errorf("counting machines: %w", err)
	}
	for _, m := range live {
		out.Machines[string(m.State)]++
		out.Live++
	}
	return out, nil
}

// count stops at countBound.
func (q *Queries) count(ctx context.Context, s fleet.JobState) (n int, more bool, err error) {
	cursor := ""
	for {
		page, err := q.records.Jobs(ctx, s, cursor, countBound-n)
		if err != nil {
			return 0, false, err
		}
		n += len(page.Jobs)
		if page.Next == "" || n >= countBound {
			return n, page.Next != "", nil
		}
		cursor = page.Next
	}
}
