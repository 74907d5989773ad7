package sim

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Cloud is the simulated cloud. Its methods may be called concurrently; what each does is done in one step, so a history
// depends only on the order of the calls.
type Cloud struct {
	clock   seam.Clock
	random  seam.Random
	catalog catalog.Catalog
	timing  Timing
	limits  Limits
	account string
	key     ed25519.PrivateKey
	seed    dice

	mu         sync.Mutex // never held while a seam is called
	now        time.Time
	faults     Faults
	rules      []rule
	regions    map[string]*region
	pools      []*pool // in the order of their first use
	machines   map[string]*machine
	made       int
	timers     timers
	keepEvents bool
	events     []delivery
	booted     []*machine
	halted     []*machine
	acted      func(context.Context)
	changes    []Instance
	signed     map[string]string // signatures of identity documents that were given out
	tally      Tally
}

// region is a Region in use.
type region struct {
	Region
	capacity int
	quotas   map[quotaKey]int
	vcpus    map[quotaKey]int // in use
	spot     int              // spot instances that hold a place
	pools    map[Pool]*pool
	machines []*machine // known ones, in the order of their launch
	buckets  buckets
	tokens   map[string]*fleetRecord
}

// New makes a cloud. It takes one number from the source of randomness.
func New(o Options) (*Cloud, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	c := &Cloud{
		clock: o.Clock, random: o.Random, catalog: o.Catalog, timing: o.Timing, limits: o.Limits, account: o.Account,
		seed: dice(o.Random.Uint64()), now: o.Clock.Now(), keepEvents: o.KeepEvents,
		regions: map[string]*region{}, machines: map[string]*machine{}, acted: o.Acted, signed: map[string]string{},
	}
	if c.account == "" {
		c.account = "123456789012"
	}
	var key []byte
	for i := range ed25519.SeedSize / 8 {
		key = binary.BigEndian.AppendUint64(key, uint64(c.seed.named("key", i)))
	}
	c.key = ed25519.NewKeyFromSeed(key)
	for _, r := range o.Regions {
		kept := &region{
			Region: r, capacity: r.Capacity, quotas: map[quotaKey]int{}, vcpus: map[quotaKey]int{},
			pools: map[Pool]*pool{}, buckets: buckets{}, tokens: map[string]*fleetRecord{},
		}
		for _, q := range r.Quotas {
			kept.quotas[quotaKey{q.Class, q.Market}] = q.VCPUs
		}
		c.regions[r.Name] = kept
	}
	return c, nil
}

// SetFaults changes what goes wrong from now on.
func (c *Cloud) SetFaults(f Faults) error {
	if err := f.Check(); err != nil {
		return err
	}
	const tiny = 1e-9 // rounding must not make an instance immortal
	now := c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	for _, p := range c.pools {
		for _, m := range p.held {
			if m.Spot() && m.risk > 0 {
				m.risk = max(tiny, m.risk-c.faults.InterruptionsPerHour*c.now.Sub(m.riskSince).Hours())
				m.riskSince = c.now
			}
		}
	}
	c.faults = f
	c.faults.Refusals = slices.Clone(f.Refusals)
	for _, p := range c.pools {
		for _, m := range p.held {
			if m.Spot() {
				c.foresee(m)
				c.timers.set(m)
			}
		}
	}
	c.reclaim(c.now)
	return nil
}

// SetCapacity changes how many instances fit into every pool that matches; empty fields match any, and the last call that
// matches a pool counts. Spot instances that no longer fit get their notice.
func (c *Cloud) SetCapacity(pattern Pool, instances int) {
	now := c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	c.rules = append(slices.DeleteFunc(c.rules, func(r rule) bool { return r.pattern == pattern }), rule{pattern, max(0, instances)})
	c.reclaim(c.now)
}

// Advance does everything that is due until the time. Every call begins with it; time never goes back.
func (c *Cloud) Advance(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
}

func (c *Cloud) advance(now time.Time) {
	for {
		m, at := c.timers.first()
		if period := c.nextPeriod(c.now); !period.IsZero() && (m == nil || !at.Before(period)) {
			if period.After(now) {
				break
			}
			c.now = period
			c.reclaim(period)
			continue
		}
		if m == nil || at.After(now) {
			break
		}
		if at.After(c.now) {
			c.now = at
		}
		_, kind := m.next()
		c.step(m, kind, c.now)
		c.timers.set(m)
	}
	if now.After(c.now) {
		c.now = now
	}
}

// Next returns when something happens again of itself, after everything that is due now has been done; zero if nothing
// will.
func (c *Cloud) Next(now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	_, at := c.timers.first()
	for _, other := range []time.Time{c.nextPeriod(c.now), c.nextEvent()} {
		if !other.IsZero() && (at.IsZero() || other.Before(at)) {
			at = other
		}
	}
	return at
}

// Spot says whether the machine was bought on the spot market.
func (m *machine) Spot() bool { return m.pool.Market == fleet.Spot }

// moment is when and where a call has its effect.
type moment struct {
	now    time.Time
	dice   dice
	region *region
}

// unanswered is how long a call without a deadline waits for an answer that does not come.
const unanswered = time.Minute

// call makes an API call: it takes its time, may be refused, may be lost on the way there or back, and has its effect in
// one step.
func call[T any](ctx context.Context, c *Cloud, a action, do func(moment) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("%s: %w", a.name, err)
	}
	d := dice(c.random.Uint64())
	if wait := c.timing.Calls.of(d, "call", 0); wait > 0 {
		if err := c.clock.Sleep(ctx, wait); err != nil {
			return none, fmt.Errorf("%s: %w", a.name, err)
		}
	}
	answer, lost, err := effect(c, a, moment{now: c.clock.Now(), dice: d}, do)
	if c.acted != nil {
		c.acted(ctx)
	}
	if !lost {
		if wait := c.timing.Answers.of(d, "answer", 0); wait > 0 {
			if late := c.clock.Sleep(ctx, wait); late != nil {
				return none, fmt.Errorf("%s: %w", a.name, late)
			}
		}
		return answer, err
	}
	if err := c.clock.Sleep(ctx, unanswered); err != nil {
		return none, fmt.Errorf("%s: no answer: %w", a.name, err)
	}
	return none, fmt.Errorf("%s: no answer: %w", a.name, context.DeadlineExceeded)
}

// Call makes a call of an action that has no effect on instances: it takes its time and may be refused, throttled or lost as
// any other. What it reads or changes is its caller's. It is bounded if it has a filter or asks for a page.
func (c *Cloud) Call(ctx context.Context, region, name string, bounded bool) error {
	_, err := call(ctx, c, action{name: name, region: region, bounded: bounded}, func(moment) (struct{}, error) { return struct{}{}, nil })
	return err
}

func effect[T any](c *Cloud, a action, at moment, do func(moment) (T, error)) (answer T, lost bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(at.now)
	at.now = c.now
	var known bool
	if at.region, known = c.regions[a.region]; !known {
		return answer, false, refuse(a.name, CodeUnknownRegion, "this cloud has no region %q", a.region)
	}
	if at.dice.chance(c.faults.LostRequests, "lost request", 0) {
		c.tally.LostRequests++
		return answer, true, nil
	}
	if code, refused := c.faults.refusal(at.dice, a.region, a.name); refused {
		c.tally.Refusals++
		return answer, false, refuse(a.name, code, "the request was refused")
	}
	if !c.limits.allows(at.region.buckets, a, at.now) {
		return answer, false, refuse(a.name, CodeThrottled, "Request limit exceeded.")
	}
	if answer, err = do(at); err != nil {
		return answer, false, err
	}
	if lost = at.dice.chance(c.faults.LostAnswers, "lost answer", 0); lost {
		c.tally.LostAnswers++
	}
	return answer, lost, nil
}
