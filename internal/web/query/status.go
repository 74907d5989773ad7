package query

import (
	"context"

	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// Status counts the jobs that have not ended and the machines that live, and adds what the caller knows of the server.
func (q *Queries) Status(ctx context.Context, about view.About, draining bool) (view.Status, error) {
	c, err := q.counts(ctx)
	if err != nil {
		return view.Status{}, err
	}
	out := view.Status{About: about, At: q.clock.Now(), Draining: draining, Jobs: c.jobs, Machines: c.machines}
	for _, n := range c.machines {
		out.Live += n
	}
	return out, nil
}
