package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/pool"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// poolsEvery is how often every pool is planned for. A machine that was taken, or has ended, makes its pool be planned for at
// once, on the replica that does this work.
const poolsEvery = 5 * time.Second

// sweeps are the periodic works of this replica: pools have none where none can be configured.
func (c *Controller) sweeps() []Sweep {
	all := Sweeps()
	if c.Pools == nil {
		return slices.DeleteFunc(all, func(s Sweep) bool { return s == SweepPools })
	}
	return all
}

// sweepPools plans for every pool, and for those that are no longer configured, which are drained. A pool that cannot be
// planned for holds up no other.
func (c *Controller) sweepPools(ctx context.Context) error {
	configured := map[fleet.ShapeKey]bool{}
	var failed error
	for _, p := range c.Pools() {
		configured[p.Key()] = true
		failed = errors.Join(failed, c.refill(ctx, p.Key(), p))
	}
	heads, err := c.Records.PoolHeads(ctx)
	if err != nil {
		return errors.Join(failed, fmt.Errorf("listing pools: %w", err))
	}
	for _, h := range heads {
		if !configured[h.Key] {
			failed = errors.Join(failed, c.refill(ctx, h.Key, removed(h)))
		}
	}
	return failed
}

// removed is a pool that is not configured any more: it keeps nothing, and takes no time for that.
func removed(h record.Head) pool.Pool {
	return pool.Pool{
		Pool:     fleet.Pool{Name: h.Pool, Environment: h.Shape.Environment, Spec: h.Shape.Spec},
		Schedule: schedule.New(time.UTC, schedule.Size{}, nil),
	}
}

// hintedPool plans for a pool of which something has changed, if this replica does that work.
func (c *Controller) hintedPool(ctx context.Context, view record.View) error {
	if c.Pools == nil {
		return nil
	}
	pass, ok := c.pass(ctx, SweepPools)
	if !ok {
		return nil
	}
	for _, p := range c.Pools() {
		if p.Key() == view.Head.V.Key {
			return c.refill(pass, p.Key(), p)
		}
	}
	return nil
}

// refill plans for one pool and carries the plan out, in one transaction on the version of the pool's head. Whatever is done
// changes a row of what was observed, so that nothing is done twice on one observation.
func (c *Controller) refill(ctx context.Context, k fleet.ShapeKey, p pool.Pool) error {
	if c.Draining() {
		return nil
	}
	err := c.retry(ctx, func() error {
		view, err := c.Records.View(ctx, k, c.Clock.Now(), 1)
		if err != nil {
			return err
		}
		return c.refillOnce(ctx, k, p, view)
	})
	if err != nil && !errors.Is(err, record.ErrLeaseLost) {
		return fmt.Errorf("planning for pool %s: %w", p.Name, err)
	}
	return nil
}

func (c *Controller) refillOnce(ctx context.Context, k fleet.ShapeKey, p pool.Pool, view record.View) error {
	now, head := c.Clock.Now(), view.Head.V
	head.Key, head.Pool, head.Shape = k, p.Name, fleet.Shape{Environment: p.Environment, Spec: p.Spec}
	seen, err := c.observePool(ctx, view, head, now)
	if err != nil {
		return err
	}
	limits := c.PoolLimits
	if limits == (pool.Limits{}) {
		limits = pool.DefaultLimits()
	}
	todo := pool.Make(p, seen, pool.Boots{Create: c.boots.times()}, limits, now)
	gone := p.Max == 0 && len(seen.Machines) == 0 && seen.Outstanding == 0
	switch {
	case gone && view.Head.Exists():
		return c.Records.Commit(ctx, c.Records.DeleteHead(view.Head))
	case len(todo.Actions) == 0 && view.Head.Exists() && todo.Limit == head.Limit && p.Revision() == head.Revision:
		return nil
	}
	if head.Limit != todo.Limit {
		head.LimitSince = now
	}
	head.Limit, head.Revision = todo.Limit, p.Revision()
	r := refilling{c: c, pool: p, head: head, old: view.Head, now: now}
	return r.commit(ctx, todo.Actions)
}

// observePool is what a plan is founded on.
func (c *Controller) observePool(ctx context.Context, view record.View, head record.Head, now time.Time) (pool.Observation, error) {
	o := pool.Observation{Resting: c.resting(head, now)}
	for _, l := range view.Launches {
		o.Outstanding += l.Outstanding
	}
	for _, m := range view.Machines {
		if m.Place == nil {
			continue
		}
		seen := pool.Machine{ID: m.ID.String(), State: m.State, Since: m.Ready, Begun: m.Launched, Idle: m.Ready, Revision: m.Place.Revision, Bank: m.Place.Bank}
		if ready := m.State == fleet.MachineReady || m.State == fleet.MachineStarting; ready && !m.Supplies(now) {
			seen.State = fleet.MachineRetiring // it will be: nobody may have it, and it still exists
		}
		o.Machines = append(o.Machines, seen)
	}
	live, err := c.Records.Live(ctx, head.Shape.Environment)
	if err != nil {
		return o, err
	}
	free, cancel := c.Clock.WithTimeout(ctx, freeDeadline)
	defer cancel()
	if o.Room, err = c.Provider.Free(free, c.Site, head.Shape.Spec); err != nil {
		return o, fmt.Errorf("asking the provider for room: %w", err)
	}
	o.Room -= situation{View: view}.outstandingCalls()
	if c.MaxRunners > 0 {
		o.Room = min(o.Room, c.MaxRunners-live.V.Count)
	}
	waiting, err := c.Records.Waiting(ctx, head.Shape.Environment)
	for _, w := range waiting {
		o.Waiting += w.Wanted
	}
	return o, err
}

// times are the measured boot times.
func (b *boots) times() pool.Times {
	b.mu.Lock()
	defer b.mu.Unlock()
	return pool.NewTimes(b.last)
}

// refilling is a plan on its way into one transaction.
type refilling struct {
	c    *Controller
	pool pool.Pool
	head record.Head
	old  record.Kept[record.Head]
	now  time.Time

	writes   [][]store.Write
	launches []fleet.Launch
	ended    []fleet.MachineID
}

func (r *refilling) commit(ctx context.Context, actions []pool.Action) error {
	created := 0
	for _, a := range actions {
		switch a.Kind {
		case pool.Create, pool.Replace:
			r.launch(a)
			created += a.Count
		case pool.Terminate:
			if err := r.end(ctx, a); err != nil {
				return err
			}
		case pool.Start, pool.Stop: // of machines that no provider here can stop; their schedule has none
		}
	}
	if created > 0 {
		live, err := r.c.Records.Live(ctx, r.pool.Environment)
		if err != nil {
			return err
		}
		r.writes = append(r.writes, r.c.Records.PutLive(live, r.pool.Environment, record.Live{Count: live.V.Count + created}))
	}
	r.writes = append(r.writes, r.c.Records.PutHead(r.old, r.head))
	if err := r.c.Records.Commit(ctx, r.writes...); err != nil {
		return err
	}
	for _, a := range actions {
		r.c.Logger.InfoContext(ctx, "pool", "pool", r.pool.Name, "does", a.Kind, "count", max(1, a.Count), "machine", a.Machine, "reason", a.Reason)
	}
	for _, id := range r.ended {
		r.c.wake(id)
	}
	for _, l := range r.launches {
		r.c.spawn(ctx, "launch "+l.ID, func(ctx context.Context) { r.c.call(ctx, l.ID) })
	}
	return nil
}

// launch adds the row of a launch for the pool, which exists before its call.
func (r *refilling) launch(a pool.Action) {
	l := fleet.Launch{
		ID: "l-" + string(r.head.Key) + "-" + r.c.Random.Token(8), Shape: r.head.Key, Site: r.c.Site, Market: r.c.market(r.head, r.now),
		Count: a.Count, Created: r.now,
		Place: &fleet.PoolPlace{Pool: r.pool.Name, Revision: r.pool.Revision(), Spec: r.pool.Spec, Bank: a.Bank},
	}
	l.Request = r.c.freeze(l, r.pool.Spec)
	l = l.Called(r.now)
	r.writes = append(r.writes, r.c.Records.PutLaunch(record.Kept[fleet.Launch]{}, l, keepLaunches))
	r.launches = append(r.launches, l)
	r.head.Events = r.head.Events.Add(r.now, string(a.Kind), fmt.Sprintf("%d: %s", a.Count, a.Reason))
}

// end retires a machine that still belongs to the pool and that nobody has taken.
func (r *refilling) end(ctx context.Context, a pool.Action) error {
	id, err := fleet.ParseMachineID(a.Machine)
	if err != nil {
		return fmt.Errorf("reading a plan: %w", err)
	}
	row, err := r.c.Records.Machine(ctx, id)
	if err != nil {
		return err
	}
	if !row.Exists() || row.V.Place == nil || row.V.Shape != r.head.Key || row.V.State != fleet.MachineReady {
		return &store.ConflictError{}
	}
	reason := strings.TrimSuffix(a.Reason, ".")
	r.writes = append(r.writes, r.c.putMachine(row, retiring(row.V, "pool "+r.pool.Name+": "+strings.ToLower(reason[:1])+reason[1:], r.now)))
	r.ended = append(r.ended, id)
	r.head.Events = r.head.Events.Add(r.now, string(a.Kind), id.ID+": "+a.Reason)
	return nil
}
