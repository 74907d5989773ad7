package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// maxTaken keeps a take within one transaction (rule 1.12): each machine is three writes.
const maxTaken = 25

// take gives a shape machines that pools keep ready, before any is launched for it. All of them move in one transaction,
// which fails if another shape, or the pool itself, was faster with one of them (rule 7.1): then everything is read anew.
// Nothing ever goes back to a pool: a machine that fails after it was taken is given up.
func (c *Controller) take(ctx context.Context, view record.View, alive record.Kept[record.Alive], wanted, most int) (bool, error) {
	if c.Pools == nil || wanted <= 0 {
		return false, nil
	}
	head, now := view.Head.V, c.Clock.Now()
	var found []candidate
	for _, p := range c.Pools() {
		if !mayServe(p.Pool, head.Shape) {
			continue
		}
		machines, err := c.Records.PoolMachines(ctx, p.Key())
		if err != nil {
			return false, fmt.Errorf("reading the machines of pool %s: %w", p.Name, err)
		}
		found = append(found, c.poolCandidates(head.Shape, p.Key(), machines, now)...)
	}
	if len(found) == 0 {
		return false, nil
	}
	slices.SortFunc(found, bestFirst)
	found = found[:min(len(found), wanted, most)]
	writes := [][]store.Write{c.Records.PutHead(view.Head, head), c.Records.KeepAlive(alive, head.Key)}
	for _, f := range found {
		row, err := c.Records.Machine(ctx, f.ID)
		if err != nil {
			return false, err
		}
		if !row.Exists() || row.V.State != fleet.MachineReady || row.V.Place == nil || row.V.Shape != f.pool {
			return false, &store.ConflictError{}
		}
		m := row.V
		m.Shape, m.TakenFrom, m.Place = head.Key, m.Place.Pool, nil
		m.History = m.History.Add(now, "taken", "Taken from pool "+m.TakenFrom+".")
		writes = append(writes, c.putMachine(row, m))
	}
	if err := c.Records.Commit(ctx, writes...); err != nil {
		return false, err
	}
	for _, f := range found {
		c.Logger.InfoContext(ctx, "machine taken from its pool", "machine", f.ID.String(), "pool", f.Place.Pool, "shape", head.Key)
		c.hints.now(f.pool)
	}
	return true, nil
}

// overflowed tells jobs that name a pool that it had nothing for them.
func (p *plan) overflowed(ctx context.Context, head record.Head) {
	name := head.Shape.Spec.Pool
	if name == "" || p.d.Launch == 0 {
		return
	}
	jobs := p.view.Jobs[max(0, len(p.view.Jobs)-p.d.Launch):] // the oldest are given what is there already
	p.c.spawn(ctx, "overflow "+string(p.k), func(ctx context.Context) {
		for _, j := range jobs {
			err := p.c.changeJob(ctx, j.Job, func(j *fleet.Job, now time.Time) bool {
				if _, told := j.History.Find("overflow"); told {
					return false
				}
				j.History = j.History.Add(now, "overflow", "Pool "+name+" has no machine ready for it, so one is launched.")
				return true
			})
			if err != nil && ctx.Err() == nil {
				p.c.Logger.WarnContext(ctx, "a job was not told that its pool was empty", "job", j.Job, "error", err)
			}
		}
	})
}
