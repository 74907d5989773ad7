package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// reconcileTries bounds how often one call starts over because another writer was faster.
const reconcileTries = 12

// maxLaunches keeps a decision within one transaction (rule 1.12): a launch is two writes.
const maxLaunches = 16

// bounds are what one decision may do.
type bounds struct {
	machines int // to write; fewer after a conflict
	launches int // to make; more while a long queue goes on asking for more, since each decision reads what is in flight
	whole    bool
}

// Reconcile closes the difference between a shape's need and its supply. It may be called at any time, any number of times.
func (c *Controller) Reconcile(ctx context.Context, k fleet.ShapeKey) error {
	return c.reconcile(ctx, k, bounds{machines: maxAssignments, launches: 1})
}

// reconcileWhole makes the launches that are full already, while further jobs arrive (rule 2.1).
func (c *Controller) reconcileWhole(ctx context.Context, k fleet.ShapeKey) error {
	return c.reconcile(ctx, k, bounds{machines: maxAssignments, launches: 1, whole: true})
}

func (c *Controller) reconcile(ctx context.Context, k fleet.ShapeKey, b bounds) error {
	began, lost := c.Clock.Now(), 0
	defer func() { c.Observer.Reconciled(c.Clock.Now().Sub(began), lost) }()
	for conflicts := 0; conflicts < reconcileTries; {
		more, err := c.reconcileOnce(ctx, k, b)
		switch {
		case store.IsConflict(err):
			conflicts++
			lost++
			b.machines, b.launches = max(1, b.machines/2), 1
			if err := c.Clock.Sleep(ctx, c.jitter(20*time.Millisecond)); err != nil {
				return err
			}
		case err != nil:
			return fmt.Errorf("reconciling shape %s: %w", k, err)
		case !more:
			return nil
		default:
			conflicts = 0 // a decision was made: a long queue takes many
			b.machines, b.launches = min(maxAssignments, b.machines+1), min(maxLaunches, 2*b.launches)
		}
	}
	c.Observer.FellBack(FallbackConflicts)
	c.Logger.InfoContext(ctx, "other writers were faster; the shape is looked at again within 10 s", "shape", k)
	return nil
}

// jitter returns a time between half of d and d.
func (c *Controller) jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(c.Random.Uint64()%uint64(d/2))
}

// reconcileOnce makes one decision; more says that another should follow at once.
func (c *Controller) reconcileOnce(ctx context.Context, k fleet.ShapeKey, b bounds) (more bool, err error) {
	now := c.Clock.Now() // before reading: what is decided is about then, however long it takes to read and to write
	alive, err := c.Records.Alive(ctx, k)
	if err != nil {
		return false, err
	}
	view, err := c.Records.View(ctx, k, now, b.launches+1)
	if err != nil || !view.Head.Exists() {
		return false, err
	}
	if view.Head.V.Pool != "" { // its machines are for whoever takes them
		return false, c.hintedPool(ctx, view)
	}
	s := situation{View: view, Now: now, Draining: c.Draining(), Most: b.machines, Launches: b.launches, Whole: b.whole}
	s.Free, s.Paced = s.mostLaunched(), s.mostLaunched()
	d := decide(s)
	var live record.Kept[record.Live]
	waits := view.Head.V.Limit != ""
	if d.Launch > 0 || d.Limit != "" {
		if live, err = c.room(ctx, &s); err != nil {
			return false, err
		}
		d = decide(s).launchFirst(view.Head.V)
	}
	if b.whole && d.Launch == 0 {
		return false, nil // the rest is decided when the jobs have been gathered
	}
	if taken, err := c.take(ctx, view, alive, d.Launch+d.Wanted, min(b.machines, maxTaken)); err != nil || taken {
		return taken, err
	}
	plan := plan{c: c, k: k, view: view, alive: alive, live: live, d: d, now: s.Now, waits: waits}
	if err := plan.commit(ctx); err != nil {
		return false, err
	}
	full := d.Launch == s.mostLaunched() || len(d.Assign) >= b.machines || len(d.Retire) >= b.machines
	return full || d.Later || len(d.Moves) > 0 || d.Idle && alive.Exists() && !alive.V.Resting, nil
}

// room reads what bounds a launch.
func (c *Controller) room(ctx context.Context, s *situation) (record.Kept[record.Live], error) {
	head := s.View.Head.V
	environment := head.Shape.Environment
	live, err := c.Records.Live(ctx, environment)
	if err != nil {
		return live, err
	}
	s.Live, s.MaxRunners = live.V.Count, c.MaxRunners
	if s.Resting = c.resting(head, s.Now); s.Resting != "" {
		return live, nil
	}
	freeCtx, cancel := c.Clock.WithTimeout(ctx, freeDeadline)
	defer cancel()
	if s.Free, err = c.Provider.Free(freeCtx, c.Site, head.Shape.Spec); err != nil {
		return live, fmt.Errorf("asking the provider for room: %w", err)
	}
	s.Free -= s.outstandingCalls()
	waiting, err := c.Records.Waiting(ctx, environment)
	if err != nil {
		return live, err
	}
	oldest := time.Time{}
	if len(s.View.Jobs) > 0 {
		oldest = s.View.Jobs[0].Queued
	}
	for _, w := range waiting {
		if w.Shape != head.Key && w.Oldest.Before(oldest) {
			s.OlderWant += w.Wanted
		}
	}
	s.Paced = c.paced(s)
	return live, nil
}

// freeDeadline bounds a question that a provider answers from memory or with one call.
const freeDeadline = 10 * time.Second

// outstandingCalls counts places of launches that the provider may not have begun: they will take room too.
func (s situation) outstandingCalls() int {
	n := 0
	for _, l := range s.View.Launches {
		if l.Answered.IsZero() {
			n += l.Outstanding
		}
	}
	return n
}

// plan is a decision on its way into one transaction.
type plan struct {
	c     *Controller
	k     fleet.ShapeKey
	view  record.View
	alive record.Kept[record.Alive]
	live  record.Kept[record.Live]
	d     decision
	now   time.Time
	waits bool // the head says that the shape waits for room

	writes   [][]store.Write
	wake     []fleet.MachineID
	launches []fleet.Launch
	targets  []fleet.ShapeKey // to which entries move
}

// commit writes the decision, and sets in motion what follows from it.
func (p *plan) commit(ctx context.Context) error {
	head := p.view.Head.V
	changed, err := p.machines(ctx)
	if err != nil {
		return err
	}
	if err := p.moves(ctx); err != nil {
		return err
	}
	if p.d.Launch > 0 {
		p.addLaunches(head)
		changed = true
	}
	p.noteRoom(head)
	head, noted := p.note(head)
	if p.d.Idle && p.alive.Exists() {
		p.add(p.c.Records.Rest(p.alive))
	}
	if changed || noted {
		p.add(p.c.Records.PutHead(p.view.Head, head))
	}
	if err := p.c.Records.Commit(ctx, p.writes...); err != nil {
		return err
	}
	p.c.arrivals.decide(p.k, p.view.Jobs, p.now, p.launches, p.d)
	for _, id := range p.wake {
		p.c.wake(id)
	}
	for _, k := range p.targets { // not before: what looks earlier does not find them
		p.c.hints.now(k)
	}
	p.overflowed(ctx, head)
	for _, l := range p.launches {
		if l.Market != p.c.markets(head.Shape.Spec)[0] {
			p.c.Observer.FellBack(FallbackMarket)
		}
		p.c.spawn(ctx, "launch "+l.ID, func(ctx context.Context) { p.c.call(ctx, l.ID) })
	}
	return nil
}

// addLaunches adds the launches' rows, which exist before their calls, and their machines to the live count.
func (p *plan) addLaunches(head record.Head) {
	for left := p.d.Launch; left > 0; left -= fleet.MaxLaunchCount {
		l := fleet.Launch{
			ID: "l-" + string(p.k) + "-" + p.c.Random.Token(8), Shape: p.k, Site: p.c.Site, Market: p.c.market(head, p.now),
			Count: min(left, fleet.MaxLaunchCount), Created: p.now,
		}
		l.Request = p.c.freeze(l, head.Shape.Spec)
		l = l.Called(p.now)
		p.add(p.c.Records.PutLaunch(record.Kept[fleet.Launch]{}, l, keepLaunches))
		p.launches = append(p.launches, l)
		p.c.Logger.Info("launching", "launch", l.ID, "shape", p.k, "count", l.Count, "market", l.Market, "region", l.Site.Region)
	}
	p.add(p.c.Records.PutLive(p.live, head.Shape.Environment, record.Live{Count: p.live.V.Count + p.d.Launch}))
}

func (p *plan) add(w []store.Write) { p.writes = append(p.writes, w) }

// machines writes assignments and retirements, each only if the row still says what the decision read.
func (p *plan) machines(ctx context.Context) (changed bool, err error) {
	for _, a := range p.d.Assign {
		m, err := p.c.Records.Machine(ctx, a.Machine)
		if err != nil {
			return false, err
		}
		demand, err := p.c.Records.Demand(ctx, a.Demand)
		if err != nil {
			return false, err
		}
		if !m.Exists() || m.V.State != fleet.MachineReady || !demand.Exists() {
			return false, &store.ConflictError{}
		}
		p.add(p.c.putMachine(m, assigned(m.V, demand.V, p.now)))
		p.wake = append(p.wake, a.Machine)
		changed = true
	}
	for _, r := range p.d.Retire {
		m, err := p.c.Records.Machine(ctx, r.Machine)
		if err != nil {
			return false, err
		}
		if !m.Exists() {
			return false, &store.ConflictError{}
		}
		switch m.V.State {
		case fleet.MachineStarting, fleet.MachineReady, fleet.MachineAssigned, fleet.MachineListening:
		default:
			continue
		}
		p.add(p.c.putMachine(m, retiring(m.V, r.Reason, p.now)))
		p.wake = append(p.wake, r.Machine)
		changed = true
	}
	return changed, nil
}

// assigned moves a ready machine to a demand.
func assigned(m fleet.Machine, d fleet.DemandState, now time.Time) fleet.Machine {
	m.Demand, m.Repository, m.MaxRuntime = d.Demand.Key(), d.Repository, d.MaxRuntime
	m.Labels, m.Assigned = d.Demand.Labels, now
	return m.To(fleet.MachineAssigned, now, "Assigned to jobs of "+d.Repository.FullName()+".")
}

// moves carries entries to the shape that their demand belongs to (rule 1.9).
func (p *plan) moves(ctx context.Context) error {
	const most = 15 // each is up to five writes
	for _, e := range p.d.Moves[:min(most, len(p.d.Moves))] {
		job, err := p.c.Records.Job(ctx, e.Job)
		if err != nil {
			return err
		}
		target := p.view.Head.V.Moved[e.Demand]
		if !job.Exists() || !job.V.Counts() || job.V.Shape != p.k {
			continue
		}
		if !slices.Contains(p.targets, target) {
			p.targets = append(p.targets, target)
			alive, err := p.c.Records.Alive(ctx, target)
			if err != nil {
				return err
			}
			p.add(p.c.Records.KeepAlive(alive, target))
		}
		moved := job.V
		moved.Shape = target
		p.add(p.c.Records.PutJob(job, moved, keepJobs))
	}
	return nil
}

// noteRoom says to other shapes that this one waits, or no longer does.
func (p *plan) noteRoom(head record.Head) {
	switch environment := head.Shape.Environment; {
	case p.d.Wanted > 0:
		p.add(p.c.Records.PutWaiting(environment, record.Waiting{
			Shape: p.k, Oldest: p.d.Oldest, Wanted: p.d.Wanted, Seen: p.now,
		}, p.now.Add(3*reconcileEvery)))
	case p.waits:
		p.add(p.c.Records.DeleteWaiting(environment, p.k))
	}
}

// note brings the head up to date and says whether it must be written for that alone.
func (p *plan) note(head record.Head) (record.Head, bool) {
	changed := false
	if !maps.Equal(head.Surplus, p.d.Surplus) {
		head.Surplus = p.d.Surplus
		changed = true
	}
	if head.Limit != p.d.Limit {
		if head.Limit == "" || p.d.Limit == "" {
			head.LimitSince = p.now
		}
		head.Limit = p.d.Limit
		changed = true
		if p.d.Limit != "" {
			p.c.Logger.Info("a needed machine is not launched", "shape", p.k, "limit", p.d.Limit, "wanted", p.d.Wanted)
		}
	}
	refused := map[fleet.DemandKey]time.Time{}
	for k, until := range head.Refused {
		if p.now.Before(until) {
			refused[k] = until
		}
	}
	if len(refused) != len(head.Refused) {
		head.Refused = refused
		changed = true
	}
	return head, changed
}

// hintAliveShapes looks at every shape that has jobs or machines (rule 1.11).
func (c *Controller) hintAliveShapes(ctx context.Context) error {
	shapes, err := c.Records.AliveShapes(ctx)
	if err != nil {
		return fmt.Errorf("listing shapes: %w", err)
	}
	for _, k := range shapes {
		c.hints.now(k)
	}
	return nil
}

// hintWaiting looks at the shapes that wait for room, since a machine is gone; the oldest job's first.
func (c *Controller) hintWaiting(ctx context.Context, environment string) {
	waiting, err := c.Records.Waiting(ctx, environment)
	if err != nil {
		c.Observer.FellBack(FallbackHint)
		c.Logger.WarnContext(ctx, "shapes that wait for room are looked at within 10 s instead of now", "error", err)
		return
	}
	for _, w := range waiting {
		c.hints.now(w.Shape)
	}
}

// putMachine writes a machine whose next look is computed, not remembered.
func (c *Controller) putMachine(old record.Kept[fleet.Machine], m fleet.Machine) []store.Write {
	m.Due = nextLook(m)
	return c.Records.PutMachine(old, m, keepMachines)
}
