package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// A lease lasts 15 s and is renewed every 5 (the protocol's bounds). The holder stops using it earlier than the others may
// take it, both counted on their own clocks from what they saw.
const (
	leaseFor      = 15 * time.Second
	leaseEvery    = 5 * time.Second
	leaseUse      = 12 * time.Second // from the beginning of the renewal
	leaseDeadline = 4 * time.Second  // of one round
	leaseTries    = 3                // of giving back what is held
	replicaFor    = time.Minute      // how long a replica that said nothing is still in the list
)

// ErrStoreSilent says that this replica has not reached the store for longer than a lease lasts: it claims no work.
var ErrStoreSilent = errors.New("the store cannot be reached")

// leases are the periodic works that this replica does, and what it knows of the other replicas. Every replica takes
// webhooks, messages and agents' calls; each periodic work is done by one.
type leases struct {
	mu       sync.Mutex
	holder   string
	watched  map[string]watchedLease
	held     map[string]heldLease
	peers    []record.Replica
	drain    bool      // another replica drains the fleet
	answered time.Time // when the last round that reached the store began
	nudged   bool      // somebody wants a round before its time
	tell     bool      // the others have to know what the next round writes
	nudge    context.CancelFunc
}

// watchedLease is a lease as it last changed.
type watchedLease struct {
	version uint64
	since   time.Time // on this replica's clock
}

type heldLease struct {
	generation uint64
	until      time.Time
}

// leaseName is the lease of a periodic work: what concerns one site's machines has a holder for each site.
func (c *Controller) leaseName(s Sweep) string {
	if s == SweepProvider {
		return string(s) + " " + c.Site.String()
	}
	return string(s)
}

// keepLeases renews what is held and takes what is free, until the context ends; then it gives everything back, so that
// others need not wait.
func (c *Controller) keepLeases(ctx context.Context) {
	c.greet(ctx)
	for c.leases.rest(ctx, c.Clock) {
		news := c.leases.news()
		c.leaseRound(ctx)
		if news {
			c.greet(ctx)
		}
	}
	end, cancel := c.Clock.WithTimeout(context.WithoutCancel(ctx), leaseDeadline)
	defer cancel()
	if err := c.giveBack(end); err != nil {
		c.Logger.WarnContext(ctx, "leases were not given back: other replicas take them when they have run out", "error", err)
	}
}

// greet makes the other replicas look who there is, since they may have to tell this one of orders before their next round.
func (c *Controller) greet(ctx context.Context) {
	if c.Peers == nil {
		return
	}
	for _, address := range c.leases.others() {
		c.tell(ctx, address, everybody)
	}
}

// leaseRound is one look at all leases.
func (c *Controller) leaseRound(ctx context.Context) {
	began := c.Clock.Now()
	round, cancel := c.Clock.WithTimeout(ctx, leaseDeadline)
	defer cancel()
	err := c.tendLeases(round, began)
	if err != nil && ctx.Err() == nil {
		c.Observer.FellBack(FallbackLeases)
		c.Logger.WarnContext(ctx, "leases could not be renewed", "error", err)
	}
	c.dropStale(ctx)
}

func (c *Controller) tendLeases(ctx context.Context, began time.Time) error {
	states, replicas, err := c.Records.Leases(ctx)
	if err != nil {
		return err
	}
	me := record.Replica{ID: c.leases.holder, Address: c.Address, At: began, Draining: c.draining.Load()}
	c.leases.know(replicas, began)
	writes := [][]store.Write{c.Records.PutReplica(me, began.Add(replicaFor))}
	renewed := map[string]uint64{}
	for _, sweep := range Sweeps() {
		name := c.leaseName(sweep)
		state := states[name]
		switch {
		case state.Lease.V.Holder == me.ID:
			writes = append(writes, c.Records.RenewLease(state.Lease, me.ID))
			renewed[name] = state.Generation
		case c.leases.free(name, state.Lease, began) || c.Alone:
			// A transaction of its own: whoever else takes this one must not keep us from the rest.
			if err := c.takeLease(ctx, state, name, began); err != nil {
				return err
			}
		}
	}
	if err := c.Records.Commit(ctx, writes...); err != nil {
		return err
	}
	for name, generation := range renewed {
		c.leases.hold(name, generation, began.Add(leaseUse))
	}
	c.leases.reached(began)
	return nil
}

// takeLease takes a lease that nobody holds, unless another replica is faster.
func (c *Controller) takeLease(ctx context.Context, state record.LeaseState, name string, began time.Time) error {
	err := c.Records.Commit(ctx, c.Records.TakeLease(state, name, c.leases.holder))
	switch {
	case store.IsConflict(err):
		return nil
	case err != nil:
		return err
	}
	c.leases.hold(name, state.Generation+1, began.Add(leaseUse))
	c.Logger.InfoContext(ctx, "does a periodic work from now on", "work", name, "before", state.Lease.V.Holder)
	return nil
}

// dropStale stops using leases whose renewal came too late.
func (c *Controller) dropStale(ctx context.Context) {
	for _, name := range c.leases.stale(c.Clock.Now()) {
		c.Logger.WarnContext(ctx, "a lease ran out: another replica may do the work", "work", name)
	}
}

// giveBack frees everything that is held and leaves the list of replicas.
func (c *Controller) giveBack(ctx context.Context) error {
	var err error
	for range leaseTries {
		var states map[string]record.LeaseState
		if states, _, err = c.Records.Leases(ctx); err != nil {
			return err
		}
		writes := [][]store.Write{c.Records.DeleteReplica(c.leases.holder)}
		for _, sweep := range Sweeps() {
			if s := states[c.leaseName(sweep)]; s.Lease.V.Holder == c.leases.holder {
				writes = append(writes, c.Records.RenewLease(s.Lease, ""))
			}
		}
		if err = c.Records.Commit(ctx, writes...); !store.IsConflict(err) {
			return err
		}
	}
	return err
}

// pass returns the context of one pass of a periodic work, whose writes the store refuses once another replica has taken
// the lease; ok is false if another replica does the work.
func (c *Controller) pass(ctx context.Context, s Sweep) (pass context.Context, ok bool) {
	name := c.leaseName(s)
	generation, ok := c.leases.use(name, c.Clock.Now())
	if !ok {
		return nil, false
	}
	return record.Fenced(ctx, name, generation), true
}

// Claims returns nil while this replica may take work: it has reached the store within the time that a lease lasts.
func (c *Controller) Claims() error {
	silent := c.Clock.Now().Sub(c.leases.lastReached())
	if silent <= leaseFor {
		return nil
	}
	return fmt.Errorf("%w: no answer for %s", ErrStoreSilent, silent.Round(time.Second))
}

// holderBytes make the name of a life: nobody has it twice.
const holderBytes = 8

func (l *leases) init(random seam.Random, now time.Time) {
	l.holder = random.Token(holderBytes)
	l.watched, l.held = map[string]watchedLease{}, map[string]heldLease{}
	l.answered = now
}

// OtherReplicas returns where the other replicas can be reached, as far as this one knows.
func (c *Controller) OtherReplicas() []string { return c.leases.others() }

// know takes in which replicas there are.
func (l *leases) know(replicas []record.Replica, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	others := slices.DeleteFunc(replicas, func(r record.Replica) bool { return r.ID == l.holder || now.Sub(r.At) > replicaFor })
	l.drain = slices.ContainsFunc(others, func(r record.Replica) bool { return r.Draining })
	l.peers = slices.DeleteFunc(others, func(r record.Replica) bool { return r.Address == "" })
}

// othersDrain says whether another replica drains the fleet.
func (l *leases) othersDrain() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.drain
}

// others returns where the other replicas can be reached.
func (l *leases) others() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]string, len(l.peers))
	for i, r := range l.peers {
		out[i] = r.Address
	}
	return out
}

// free says whether a lease may be taken: it never was, it was given back, or it has not changed for as long as it lasts.
func (l *leases) free(name string, lease record.Kept[record.Lease], now time.Time) bool {
	if lease.V.Holder == "" {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w, known := l.watched[name]
	if !known || w.version != lease.Version {
		l.watched[name] = watchedLease{version: lease.Version, since: now}
		return false
	}
	return now.Sub(w.since) >= leaseFor
}

func (l *leases) hold(name string, generation uint64, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[name] = heldLease{generation: generation, until: until}
	delete(l.watched, name)
}

// stale forgets leases that must not be used any more.
func (l *leases) stale(now time.Time) (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, h := range l.held {
		if now.Before(h.until) {
			continue
		}
		delete(l.held, name)
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// use returns the generation of a lease that is held.
func (l *leases) use(name string, now time.Time) (generation uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, held := l.held[name]
	return h.generation, held && now.Before(h.until)
}

// rest waits for the next round's time, or until somebody asks for it; false when the context has ended.
func (l *leases) rest(ctx context.Context, clock seam.Clock) bool {
	sleep, nudge := context.WithCancel(ctx)
	defer nudge()
	l.mu.Lock()
	wanted := l.nudged
	l.nudged, l.nudge = false, nudge
	l.mu.Unlock()
	if !wanted {
		_ = clock.Sleep(sleep, leaseEvery)
	}
	return ctx.Err() == nil
}

// announce asks for a round that the others are told of.
func (l *leases) announce() {
	l.mu.Lock()
	l.tell = true
	l.mu.Unlock()
	l.soon()
}

// news says whether the others are to be told of this round.
func (l *leases) news() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	tell := l.tell
	l.tell = false
	return tell
}

// soon asks for a round before its time.
func (l *leases) soon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nudged = true
	if l.nudge != nil {
		l.nudge()
	}
}

func (l *leases) reached(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered = at
}

func (l *leases) lastReached() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered
}
