package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// cloud is where machines come from: strict about launch tokens, short of capacity at times, and slow to list.
type cloud struct {
	w        *World
	machines []*machine
	open     []*machine // those of which something may still become
	byID     map[string]*machine
	requests map[string]*request
	inOrder  []*request
	capacity int
	empty    time.Time // until when there is no capacity
	silent   time.Time // until when it answers nothing
}

// request is a launch as the cloud has it.
type request struct {
	bytes  string
	shape  string
	made   time.Time // when it was first called
	heard  time.Time // when somebody first heard its answer
	count  int
	answer provider.Answer
	ids    []string
}

const capacity = 60

// shapeOfID is how much of a launch's id names its shape: "l-" and 16 characters.
const shapeOfID = 18

// unheard says whether nobody heard a launch's answer within a minute.
func (c *cloud) unheard(launch string) bool {
	r := c.requests[launch]
	return r == nil || r.heard.IsZero() || r.heard.Sub(r.made) >= needUnheard
}

// unanswered says whether nobody has heard a launch's answer.
func (c *cloud) unanswered(launch string) bool {
	r := c.requests[launch]
	return r == nil || r.heard.IsZero()
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

func newCloud(w *World) *cloud {
	c := &cloud{w: w, byID: map[string]*machine{}, requests: map[string]*request{}, capacity: capacity}
	if w.cfg.Forecast != nil {
		c.capacity = provider.Unlimited
	}
	return c
}

// alive counts instances that cost money.
func (c *cloud) alive() int {
	n := 0
	for _, m := range c.machines {
		if m.inst.State.Live() {
			n++
		}
	}
	return n
}

// launch creates instances, once for each token.
func (c *cloud) launch(r provider.Request) (provider.Answer, error) {
	w := c.w
	frozen, err := json.Marshal(r)
	if err != nil {
		return provider.Answer{}, fmt.Errorf("encoding: %w", err)
	}
	if len(r.LaunchID) > 64 || r.Count < 1 || r.Count > fleet.MaxLaunchCount {
		return provider.Answer{}, fmt.Errorf("%w: id %q, count %d", provider.ErrInvalid, r.LaunchID, r.Count)
	}
	if known := c.requests[r.LaunchID]; known != nil {
		if known.bytes != string(frozen) {
			w.check.violated("OneFleetPerLaunch", []string{r.LaunchID}, "launch %s was repeated with other bytes", r.LaunchID)
			return provider.Answer{}, provider.ErrTokenReused
		}
		return c.answer(known), nil
	}
	made := &request{bytes: string(frozen), count: r.Count, made: w.s.now, shape: r.LaunchID[:min(len(r.LaunchID), shapeOfID)]}
	c.requests[r.LaunchID] = made
	c.inOrder = append(c.inOrder, made)
	room := c.capacity - c.alive()
	if w.s.now.Before(c.empty) {
		room = 0
	}
	n := min(r.Count, max(0, room))
	if n > 0 && w.strikes(ProviderPartial) {
		n = w.cloudy.below(n)
	}
	forgotten := 0
	for range n {
		m := c.create(r)
		if w.strikes(ProviderForgets) {
			m.forgotten = true
			forgotten++
			continue
		}
		made.ids = append(made.ids, m.inst.ID)
	}
	if n < r.Count {
		made.answer.Errors = []provider.LaunchError{{Code: "InsufficientInstanceCapacity", Message: "none left", Count: r.Count - n}}
	}
	if forgotten > 0 {
		made.answer.Errors = append(made.answer.Errors, provider.LaunchError{Code: "InternalError", Message: "an error occurred", Count: forgotten})
	}
	w.stats.Launches++
	w.check.launched(r)
	w.history.add(r.LaunchID, "cloud: launch %s of %d made %v", r.LaunchID, r.Count, made.ids)
	return c.answer(made), nil
}

func (c *cloud) answer(r *request) provider.Answer {
	a := provider.Answer{Errors: slices.Clone(r.answer.Errors)}
	for _, id := range r.ids {
		a.Instances = append(a.Instances, c.byID[id].inst)
	}
	return a
}

func (c *cloud) create(r provider.Request) *machine {
	w := c.w
	m := &machine{w: w, created: w.s.now, spec: r.Spec, inst: provider.Instance{
		ID: fmt.Sprintf("i-%04d", len(c.machines)+1), LaunchID: r.LaunchID, Site: r.Site, State: provider.Pending, Market: r.Market,
		Type: "sim", Launched: w.s.now,
	}}
	if rate := w.cfg.Rates[ListingLags]; rate > 0 && w.faulty() {
		lag := w.cloudy.between(0, time.Duration(rate*float64(30*time.Second)))
		if w.cloudy.chance(0.1) {
			lag *= 5
		}
		m.listedAt = w.s.now.Add(lag)
		w.stats.Faults[ListingLags]++
	}
	boot := w.bootTime()
	if w.strikes(SlowBoot) {
		boot = w.cloudy.between(time.Minute, 7*time.Minute)
		m.slow = true
	}
	if w.strikes(NeverBoots) {
		m.slow, m.neverBoots = true, true
		boot = 0
	}
	if from := w.cloudy.between(time.Minute, 10*time.Minute); w.strikes(ListingGaps) {
		m.unlistedFrom = w.s.now.Add(from)
		m.unlistedTo = m.unlistedFrom.Add(w.cloudy.between(3*time.Minute, 12*time.Minute))
	}
	c.machines, c.open = append(c.machines, m), append(c.open, m)
	c.byID[m.inst.ID] = m
	w.stats.Machines++
	if boot > 0 {
		w.s.after(boot, m.inst.ID+" boots", m.boot)
	}
	w.s.after(boot/2, m.inst.ID+" runs", func() {
		if m.inst.State == provider.Pending {
			m.inst.State = provider.Running
		}
	})
	return m
}

// byServer begins the reason of an instance that a server has ended.
const byServer = "User initiated, by "

// end ends an instance: whatever runs on it dies.
func (c *cloud) end(m *machine, reason string) {
	if !m.inst.State.Live() {
		return
	}
	m.inst.State, m.inst.Reason, m.ended = provider.ShuttingDown, reason, c.w.s.now
	m.die()
	c.w.check.recovery.machineEnded(m, reason)
	c.w.history.add(m.inst.ID, "cloud: %s ends: %s", m.inst.ID, reason)
	c.w.s.after(c.w.cloudy.between(5*time.Second, 40*time.Second), m.inst.ID+" is terminated", func() { m.inst.State = provider.Terminated })
}

// providerSeam is the cloud's API as one life of a replica reaches it.
type providerSeam struct {
	w *World
	d *domain
}

var _ provider.Provider = providerSeam{}

// What a call to the cloud takes, each way.
const (
	cloudLeast = 50 * time.Millisecond
	cloudMost  = 900 * time.Millisecond
)

func (p providerSeam) call(ctx context.Context, key string, effect func() error) error {
	w := p.w
	there, back := w.fate.between(cloudLeast, cloudMost), w.fate.between(cloudLeast, cloudMost)
	down, lost := w.strikes(ProviderDown), w.strikes(ProviderTimeout)
	w.s.park(ctx, p.d, key, w.s.now.Add(there))
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if down {
		return fmt.Errorf("%s: RequestLimitExceeded: %w", key, errCut)
	}
	err := effect()
	if lost || w.s.now.Before(w.cloud.silent) {
		w.s.park(ctx, p.d, key+" no answer", w.s.now.Add(time.Hour))
		return fmt.Errorf("%s: %w", key, errCut)
	}
	w.s.park(ctx, p.d, key+" answer", w.s.now.Add(back))
	if ctxErr := ctx.Err(); ctxErr != nil {
		return fmt.Errorf("%s: %w", key, ctxErr)
	}
	return err
}

// Launch implements provider.Provider.
func (p providerSeam) Launch(ctx context.Context, r provider.Request) (a provider.Answer, err error) {
	err = p.call(ctx, "launch "+r.LaunchID, func() (err error) {
		a, err = p.w.cloud.launch(r)
		return err
	})
	if err != nil {
		return provider.Answer{}, err
	}
	if made := p.w.cloud.requests[r.LaunchID]; made != nil && made.heard.IsZero() {
		made.heard = p.w.s.now
	}
	return a, nil
}

// Terminate implements provider.Provider.
func (p providerSeam) Terminate(ctx context.Context, _ fleet.Site, ids []string) error {
	return p.call(ctx, "terminate "+ids[0], func() error {
		for _, id := range ids {
			m := p.w.cloud.byID[id]
			if m == nil {
				p.w.check.violated("RightFleet", []string{id}, "%s ended %s, which is not the fleet's", p.d.name, id)
				continue
			}
			p.w.check.terminating(p.d, m)
			if m.live() && p.w.strikes(TerminateKept) {
				continue
			}
			p.w.cloud.end(m, byServer+p.d.name)
		}
		return nil
	})
}

// List implements provider.Provider.
func (p providerSeam) List(ctx context.Context, s fleet.Site) (out []provider.Instance, err error) {
	err = p.call(ctx, "list instances", func() error {
		for _, m := range p.w.cloud.machines {
			forgotten := !m.inst.State.Live() && p.w.s.now.Sub(m.ended) > time.Hour
			if m.inst.Site == s && m.listed(p.w.s.now) && !p.w.s.now.Before(m.listedAt) && !forgotten {
				out = append(out, m.inst)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Free implements provider.Provider.
func (p providerSeam) Free(context.Context, fleet.Site, fleet.Spec) (int, error) {
	return max(0, p.w.cloud.capacity-p.w.cloud.alive()), nil
}

// ConsoleLog implements provider.Provider.
func (providerSeam) ConsoleLog(context.Context, fleet.Site, string) ([]byte, error) { return nil, nil }

// Verify implements controller.Verifier: what the signed identity document of an instance proves.
func (c *cloud) Verify(_ context.Context, h agentapi.Hello) (controller.Identity, error) {
	m := c.byID[h.Document]
	if m == nil {
		return controller.Identity{}, fmt.Errorf("%w: no such instance", agentapi.ErrRefused)
	}
	return controller.Identity{Site: m.inst.Site, Instance: m.inst.ID, Launch: m.inst.LaunchID}, nil
}
