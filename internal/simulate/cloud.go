package simulate

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// cloud is where machines come from: the simulated cloud of provider/sim, which the scheduler lets go on, and what the world
// knows of its launches and machines.
type cloud struct {
	w        *World
	sim      *sim.Cloud
	fleet    *sim.Provider
	machines []*machine // in the order of their launch
	open     []*machine // those of which something may still become
	byID     map[string]*machine
	launches map[string]*launch
	lag      time.Duration // by which listings may be behind

	empty  time.Time // until when there is no capacity
	silent time.Time // until when it answers nothing
	hushed bool      // it has been silent since
	before int       // so many answers had been lost then
	hush   int       // answers that were lost in silence

	planned *event // when something happens in it by itself
	at      time.Time
}

// launch is what the world knows of a launch.
type launch struct {
	spec  fleet.Spec
	count int
	made  time.Time // when it was first called
	heard time.Time // when somebody first heard its answer
}

// capacity is how many instances fit into each pool of a campaign's world, and one for each pair of zone and type; a burst may
// fill those of a market.
const capacity = 8

// shapeOfID is how much of a launch's id names its shape: "l-" and 16 characters.
const shapeOfID = 18

// slowBoot is when a machine's boot counts as late.
const slowBoot = time.Minute

func newCloud(w *World) *cloud {
	c := &cloud{w: w, byID: map[string]*machine{}, launches: map[string]*launch{}}
	types, room := worldTypes(), capacity
	timing := sim.Timing{
		Calls: sim.Distribution{Median: 300 * time.Millisecond, Spread: 2}, Answers: sim.Distribution{Median: 300 * time.Millisecond, Spread: 2},
		Pending: sim.Distribution{Median: 5 * time.Second, Spread: 2}, ShuttingDown: sim.Distribution{Median: 14 * time.Second, Spread: 2},
		Remembered: sim.Distribution{Median: time.Hour}, Boots: boots(sim.Distribution{Median: 20 * time.Second, Spread: 1.5}),
	}
	if plan := w.cfg.Forecast; plan != nil {
		types, room = w.cfg.types, provider.Unlimited
		timing.Pending, timing.Boots = sim.Distribution{}, boots(sim.Distribution{Draw: func(n uint64) time.Duration {
			return max(plan.Boot.Draw(rand.New(rand.NewPCG(n, purposeCloud))), time.Millisecond) //nolint:gosec // repeatable
		}})
	}
	known, err := catalog.New(types)
	if err != nil {
		panic("simulate: " + err.Error()) // the types above, or those that typesOf made
	}
	region := site().Region
	c.sim, err = sim.New(sim.Options{
		Clock: cloudClock{w.s}, Random: w.cloudy, Catalog: known, Timing: timing, Acted: c.take,
		Regions: []sim.Region{{Name: region, Capacity: room, Zones: []sim.Zone{{Name: region + "a"}, {Name: region + "b"}, {Name: region + "c"}}}},
	})
	if err != nil {
		panic("simulate: " + err.Error()) // the options above
	}
	knows := w.cfg.Forecast == nil && w.cfg.Seed%2 == 0 // EC2 does not say how much room there is; hosts of one's own do
	c.fleet = c.sim.Provider(sim.ProviderOptions{Fleet: "sim", KnowsRoom: knows})
	c.setFaults()
	return c
}

// boots makes every operating system boot alike.
func boots(d sim.Distribution) map[fleet.OS]sim.Boot {
	return map[fleet.OS]sim.Boot{fleet.Linux: {Cold: d, Stopped: d}, fleet.Windows: {Cold: d, Stopped: d}}
}

// How far listings are behind where they lag at a rate of 1, and the share of instances that no call knows for so long.
const (
	listingLag    = time.Minute
	listingHidden = 0.1
)

// setFaults makes the cloud go wrong as the world's rates say, and as what has befallen it does, until the last fault.
func (c *cloud) setFaults() {
	rate := func(f Fault) float64 { return min(1, c.w.cfg.Rates[f]) }
	f := sim.Faults{}
	hushed := c.w.s.now.Before(c.silent)
	if c.w.faulty() {
		f = sim.Faults{
			Refusals:    []sim.Refusal{{Code: sim.CodeThrottled, Rate: rate(ProviderDown)}},
			LostAnswers: rate(ProviderTimeout), FailedPlaces: rate(ProviderPartial), NeverBoot: rate(NeverBoots), SlowBoots: rate(SlowBoot),
		}
		if c.lag = time.Duration(c.w.cfg.Rates[ListingLags] * float64(listingLag)); c.lag > 0 {
			f.StaleListings, f.Lag, f.Hidden, f.HiddenFor = rate(ListingLags), c.lag, listingHidden, c.lag
		}
		if c.w.s.now.Before(c.empty) {
			f.EmptyPools = 1
		}
		if hushed {
			f.LostAnswers = 1
		}
	}
	if lost := c.sim.Tally().LostAnswers; hushed != c.hushed {
		if c.hushed {
			c.hush += lost - c.before
		}
		c.hushed, c.before = hushed, lost
	}
	if err := c.sim.SetFaults(f); err != nil {
		panic("simulate: " + err.Error()) // rates between 0 and 1
	}
	c.take(context.Background())
}

// drain leaves the cloud without capacity for a while.
func (c *cloud) drain(d time.Duration) {
	c.empty = c.w.s.now.Add(d)
	c.setFaults()
	c.w.s.after(d, "the cloud has room again", c.setFaults)
}

// silence lets the cloud answer nothing for a while.
func (c *cloud) silence(d time.Duration) {
	c.silent = c.w.s.now.Add(d)
	c.setFaults()
	c.w.s.after(d, "the cloud answers again", c.setFaults)
}

// count tells how often the cloud's own faults have struck.
func (c *cloud) count() {
	t, n := c.sim.Tally(), c.w.stats.Faults
	if c.hushed {
		c.hush += t.LostAnswers - c.before
		c.before = t.LostAnswers
	}
	for fault, times := range map[Fault]int{
		ProviderDown: t.Refusals, ProviderTimeout: t.LostAnswers - c.hush, ProviderPartial: t.FailedPlaces, ListingLags: t.StaleListings + t.Hidden,
		NeverBoots: t.NeverBoot, SlowBoot: t.SlowBoots,
	} {
		if times > 0 {
			n[fault] = times
		}
	}
}

// take takes in what has become of the cloud's instances, and plans to look again when something happens to them next. The
// context is that of the call that did it, if one did.
func (c *cloud) take(ctx context.Context) {
	now := c.w.s.now
	for _, i := range c.sim.Changes(now) {
		c.changed(calling(ctx).d, i)
	}
	for _, i := range c.sim.Halted(now) {
		c.byID[i.ID].die()
	}
	for _, i := range c.sim.Booted(now) {
		c.byID[i.ID].boot()
	}
	at := c.sim.Next(now)
	if at.Equal(c.at) {
		return
	}
	if c.planned != nil {
		c.w.s.events.cancel(c.planned)
	}
	if c.planned, c.at = nil, at; !at.IsZero() {
		c.planned = c.w.s.after(at.Sub(now), "the cloud goes on", func() {
			c.planned, c.at = nil, time.Time{}
			c.take(context.Background())
		})
	}
}

// byServer is the cloud's reason for the end of an instance that a server has ended.
const byServer = "Client.UserInitiatedShutdown"

// bySpot is that of one that was reclaimed.
const bySpot = "Server.SpotInstanceTermination"

// changed is an instance's new state. d is the replica whose call did it, if one did.
func (c *cloud) changed(d *domain, i sim.Instance) {
	w, m := c.w, c.byID[i.ID]
	if m == nil {
		c.create(i)
		return
	}
	if !m.live() || i.State.Live() {
		m.inst.State = i.State
		return
	}
	by := ""
	if d != nil && i.Reason == byServer {
		by = ", by " + d.name
		w.check.terminating(d, m)
	}
	m.inst.State, m.inst.Reason, m.ended = i.State, i.ReasonText(), w.s.now
	if i.Reason == bySpot {
		m.fault = "reclaimed"
	}
	w.check.recovery.machineEnded(m, i.Reason)
	w.history.add(m.inst.ID, "cloud: %s ends: %s%s", m.inst.ID, m.inst.Reason, by)
}

// create is a new instance.
func (c *cloud) create(i sim.Instance) {
	w, of := c.w, i.Tags[sim.TagLaunch]
	m := &machine{w: w, created: i.Launched, spec: c.launches[of].spec, inst: provider.Instance{
		ID: i.ID, LaunchID: of, Site: site(), State: i.State, Type: i.Pool.Type, Market: i.Pool.Market, Launched: i.Launched,
	}}
	ahead := c.sim.Outlook(i.ID)
	m.listedAt = ahead.Known.Add(c.lag)
	m.neverBoots = ahead.Boots.IsZero()
	m.slow = m.neverBoots || later(ahead.Boots, ahead.Known).Sub(i.Launched) > slowBoot
	m.forgotten = w.strikes(ProviderForgets)
	if from := w.cloudy.between(time.Minute, 10*time.Minute); w.strikes(ListingGaps) {
		m.unlistedFrom = w.s.now.Add(from)
		m.unlistedTo = m.unlistedFrom.Add(w.cloudy.between(3*time.Minute, 12*time.Minute))
	}
	c.machines, c.open = append(c.machines, m), append(c.open, m)
	c.byID[i.ID] = m
	w.stats.Machines++
	w.history.add(of, "cloud: launch %s made %s", of, i.ID)
}

// powerOff ends a machine from within.
func (c *cloud) powerOff(m *machine) {
	if err := c.sim.PowerOff(m.inst.ID); err != nil {
		panic("simulate: " + err.Error()) // machines are the cloud's
	}
	c.take(context.Background())
}

// reclaim takes a spot machine back, with a notice of two minutes or without.
func (c *cloud) reclaim(m *machine, notice bool) {
	take := c.sim.Reclaim
	if notice {
		take, m.noticed = c.sim.Interrupt, true
	}
	if err := take(m.inst.ID); err != nil {
		panic("simulate: " + err.Error()) // machines are the cloud's
	}
	c.w.history.add(m.inst.ID, "cloud: %s is reclaimed, with a notice: %t", m.inst.ID, notice)
	c.take(context.Background())
}

// asked is a call for a launch.
func (c *cloud) asked(r provider.Request) *launch {
	l := c.launches[r.LaunchID]
	if l == nil {
		l = &launch{spec: r.Spec, count: r.Count, made: c.w.s.now}
		c.launches[r.LaunchID] = l
		c.w.stats.Launches++
		c.w.history.add(r.LaunchID, "cloud: launch %s of %d is called", r.LaunchID, r.Count)
	}
	return l
}

// forgetting calls places of an answer failed whose instances exist.
func (c *cloud) forgetting(a provider.Answer) provider.Answer {
	told := len(a.Instances)
	a.Instances = slices.DeleteFunc(a.Instances, func(i provider.Instance) bool { return c.byID[i.ID].forgotten })
	if n := told - len(a.Instances); n > 0 {
		a.Errors = append(a.Errors, provider.LaunchError{Code: sim.CodeInternal, Message: "an error occurred", Count: n})
	}
	return a
}

// unheard says whether nobody heard a launch's answer within a minute.
func (c *cloud) unheard(id string) bool {
	l := c.launches[id]
	return l == nil || l.heard.IsZero() || l.heard.Sub(l.made) >= needUnheard
}

// unanswered says whether nobody has heard a launch's answer.
func (c *cloud) unanswered(id string) bool {
	l := c.launches[id]
	return l == nil || l.heard.IsZero()
}

// named finds the machine that a runner's name speaks of.
func (c *cloud) named(runner string) *machine {
	_, rest, found := strings.Cut(runner, "-i-")
	if !found {
		return nil
	}
	id, _, _ := strings.Cut(rest, "-")
	return c.byID["i-"+id]
}

// alive counts instances that cost money.
func (c *cloud) alive() int {
	n := 0
	for _, m := range c.open {
		if m.live() {
			n++
		}
	}
	return n
}
