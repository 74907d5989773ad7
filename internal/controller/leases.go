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
	beatSeldom    = 20 * time.Second // how often a replica that holds nothing says that it lives
	lookSeldom    = 15 * time.Second // how often one that holds everything looks at the others
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
	beat     time.Time // when the last round that wrote this replica's row began
	looked   time.Time // when the last round that read everything began
	nudged   bool      // somebody wants a round before its time
	wanted   bool      // the next round is to read and to write
	tell     bool      // the others have to know what the next round writes
	nudge    context.CancelFunc
}

// watchedLease is a lease as it was last renewed.
type watchedLease struct {
	holder string
	beat   uint64
	since  time.Time // on this replica's clock
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

// tendLeases renews with one write what this replica holds, and then reads what the others do. Either is left out when it would
// change nothing: the write by who holds nothing, and the reading by who holds everything.
func (c *Controller) tendLeases(ctx context.Context, began time.Time) error {
	l := &c.leases
	wanted := l.wants()
	if wanted || l.beats(began) {
		if err := c.Records.Commit(ctx, c.putReplica(began)); err != nil {
			return err
		}
		l.beaten(began, c.Clock.Now())
	}
	if !wanted && !l.looks(began, c.leaseNames()) {
		l.reached(began)
		return nil
	}
	states, replicas, err := c.Records.Leases(ctx)
	if err != nil {
		return err
	}
	l.know(replicas, began)
	for _, name := range c.leaseNames() {
		state := states[name]
		switch {
		case state.Lease.V.Holder == l.holder:
			// What was written above has renewed it. Whoever takes it now has seen this replica's row unchanged since.
			l.hold(name, state.Generation, l.lastBeat().Add(leaseUse))
			l.renewSoon(began)
		case l.free(name, state, began) || c.Alone:
			// A transaction of its own: whoever else takes this one must not keep us from the rest.
			if err := c.takeLease(ctx, state, name, began); err != nil {
				return err
			}
		default:
			l.lose(name)
		}
	}
	l.reached(began)
	return nil
}

func (c *Controller) leaseNames() []string {
	var names []string
	for _, sweep := range c.sweeps() {
		names = append(names, c.leaseName(sweep))
	}
	return names
}

func (c *Controller) putReplica(began time.Time) []store.Write {
	return c.Records.PutReplica(record.Replica{
		ID: c.leases.holder, Address: c.Address, At: began, Draining: c.draining.Load(),
	}, began.Add(replicaFor))
}

// takeLease takes a lease that nobody holds, unless another replica is faster. It says that this replica lives, since that is what
// others go by from now on.
func (c *Controller) takeLease(ctx context.Context, state record.LeaseState, name string, began time.Time) error {
	err := c.Records.Commit(ctx, c.Records.TakeLease(state, name, c.leases.holder), c.putReplica(began))
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
		for _, name := range c.leaseNames() {
			if s := states[name]; s.Lease.V.Holder == c.leases.holder {
				writes = append(writes, c.Records.GiveBackLease(s.Lease))
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

// free says whether a lease may be taken: it never was, it was given back, or its holder has not renewed it for as long as it
// lasts.
func (l *leases) free(name string, s record.LeaseState, now time.Time) bool {
	if s.Lease.V.Holder == "" {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w, known := l.watched[name]
	if !known || w.holder != s.Lease.V.Holder || w.beat != s.Beat {
		l.watched[name] = watchedLease{holder: s.Lease.V.Holder, beat: s.Beat, since: now}
		return false
	}
	return now.Sub(w.since) >= leaseFor
}

// beats says whether this replica's row must be written: to renew what it holds, or to stay in the list.
func (l *leases) beats(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held) > 0 || now.Sub(l.beat) >= beatSeldom
}

// beaten notes that the row was written: by now, before anybody could take what is still held.
func (l *leases) beaten(began, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beat = began
	for name, h := range l.held {
		if now.Before(h.until) {
			h.until = began.Add(leaseUse)
			l.held[name] = h
		}
	}
}

// renewSoon has the next round write this replica's row, if this one has not: it holds something that it had forgotten.
func (l *leases) renewSoon(began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted = l.wanted || l.beat.Before(began)
}

func (l *leases) lastBeat() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.beat
}

// looks says whether the leases must be read: to take what is free, or to know who else there is.
func (l *leases) looks(now time.Time, names []string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		if h, held := l.held[name]; !held || !l.beat.Before(h.until) {
			l.looked = now
			return true
		}
	}
	if now.Sub(l.looked) < lookSeldom && !l.drain {
		return false
	}
	l.looked = now
	return true
}

// wants says whether somebody wants this round to read and to write whatever it would.
func (l *leases) wants() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted := l.wanted
	l.wanted = false
	return wanted
}

// lose forgets a lease that another replica has taken.
func (l *leases) lose(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, name)
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
	l.nudged, l.wanted = true, true
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
