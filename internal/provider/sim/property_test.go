package sim_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
)

// model is what may be believed of the cloud, whatever it answers.
type model struct {
	cloud    *sim.Cloud
	clock    *seamtest.Clock
	capacity int
	requests map[string]sim.FleetRequest
	ofToken  map[string][]string       // the instances that any answer told of
	token    map[string]string         // of each instance
	seen     map[string]provider.State // newest state
}

func TestWhateverHappens(t *testing.T) {
	types, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			clock: seamtest.At(start()), capacity: rapid.IntRange(0, 4).Draw(t, "capacity"),
			requests: map[string]sim.FleetRequest{}, ofToken: map[string][]string{}, token: map[string]string{}, seen: map[string]provider.State{},
		}
		m.cloud, err = sim.New(sim.Options{
			Clock: m.clock, Random: seamtest.NewRandom(rapid.Uint64().Draw(t, "seed")), Catalog: types, Regions: sim.DefaultRegions(m.capacity),
			Timing: sim.DefaultTiming(), KeepEvents: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"launch": m.launch, "repeat": m.repeat, "terminate": m.change(m.cloud.TerminateInstances),
			"stop": m.change(m.cloud.StopInstances), "start": m.change(m.cloud.StartInstances),
			"power off": m.powerOff, "wait": m.wait, "faults": m.faults, "": m.check,
		})
	})
}

func (m *model) launch(t *rapid.T) {
	token := fmt.Sprintf("token-%d", len(m.requests))
	r := ask(token, rapid.SampledFrom([]fleet.Market{fleet.Spot, fleet.OnDemand}).Draw(t, "market"), rapid.IntRange(1, 9).Draw(t, "count"))
	r.OnShutdown = rapid.SampledFrom([]string{sim.StopOnShutdown, sim.TerminateOnShutdown}).Draw(t, "on shutdown")
	m.requests[token] = r
	m.call(t, r)
}

func (m *model) repeat(t *rapid.T) {
	if len(m.requests) == 0 {
		return
	}
	m.call(t, m.requests[fmt.Sprintf("token-%d", rapid.IntRange(0, len(m.requests)-1).Draw(t, "token"))])
}

// call checks that a token makes its count at most, and tells of the same instances each time.
func (m *model) call(t *rapid.T, r sim.FleetRequest) {
	a, err := m.cloud.CreateFleet(context.Background(), r)
	if err != nil {
		return // a fault: nothing is known
	}
	told := idsInOrder(a)
	if len(told) > r.Count {
		t.Fatalf("%s has %d instances, more than its %d", r.Token, len(told), r.Count)
	}
	if before, again := m.ofToken[r.Token]; again && !slices.Equal(before, told) {
		t.Fatalf("%s told of %v, then of %v", r.Token, before, told)
	}
	m.ofToken[r.Token] = told
	for _, id := range told {
		if other, seen := m.token[id]; seen && other != r.Token {
			t.Fatalf("%s belongs to %s and to %s", id, other, r.Token)
		}
		m.token[id] = r.Token
	}
}

func (m *model) change(do func(context.Context, string, ...string) ([]sim.Transition, error)) func(*rapid.T) {
	return func(t *rapid.T) {
		if len(m.token) == 0 {
			return
		}
		known := make([]string, 0, len(m.token))
		for id := range m.token {
			known = append(known, id)
		}
		slices.Sort(known)
		done, err := do(context.Background(), region, rapid.SliceOfN(rapid.SampledFrom(known), 1, 3).Draw(t, "ids")...)
		if err != nil && done != nil {
			t.Fatalf("an error and an answer: %v, %v", done, err)
		}
	}
}

func (m *model) powerOff(t *rapid.T) {
	if living := m.cloud.Living(m.clock.Now()); len(living) > 0 {
		if err := m.cloud.PowerOff(rapid.SampledFrom(ids(living)).Draw(t, "id")); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *model) wait(t *rapid.T) {
	m.clock.Advance(time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "for")))
}

func (m *model) faults(t *rapid.T) {
	rate := func(of string) float64 { return rapid.SampledFrom([]float64{0, 0, 0.3, 1}).Draw(t, of) }
	err := m.cloud.SetFaults(sim.Faults{
		Refusals:    []sim.Refusal{{Code: sim.CodeThrottled, Rate: rate("throttled") / 2}},
		LostAnswers: rate("lost answers") / 2, LostRequests: rate("lost requests") / 2, EmptyPools: rate("empty pools") / 2,
		FailedPlaces: rate("failed places"), StaleListings: rate("stale"), Lag: time.Minute, Hidden: rate("hidden"), HiddenFor: time.Minute,
		DeadAtBirth: rate("dead"), NeverBoot: rate("never"), SlowBoots: rate("slow"), SlowStates: rate("slow states"),
		InterruptionsPerHour: 3 * rate("interruptions"), Hinted: rate("hinted"), FalseHints: rate("false hints"), Unannounced: rate("unannounced"),
		LostEvents: rate("lost events"), RepeatedEvents: rate("repeated events"), LateEvents: rate("late events"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// check holds after every step.
func (m *model) check(t *rapid.T) {
	now := m.clock.Now()
	if next := m.cloud.Next(now); !next.IsZero() && !next.After(now) {
		t.Fatalf("at %s the next thing to happen is at %s", now, next)
	}
	held, ofToken := map[sim.Pool]int{}, map[string]int{}
	for _, i := range m.cloud.Living(now) {
		if i.State != provider.Stopped {
			held[i.Pool]++
		}
		ofToken[i.Token]++
	}
	for pool, n := range held {
		if n > m.capacity {
			t.Fatalf("%d instances are in %+v, which has room for %d", n, pool, m.capacity)
		}
	}
	for token, n := range ofToken {
		if n > m.requests[token].Count {
			t.Fatalf("%d instances live of %s, whose count is %d", n, token, m.requests[token].Count)
		}
	}
	for id := range m.token {
		i, ok := m.cloud.Instance(id, now)
		if !ok {
			t.Fatalf("%s has vanished", id)
		}
		if !m.seen[id].Live() && m.seen[id] != "" && i.State.Live() {
			t.Fatalf("%s was %s and is %s", id, m.seen[id], i.State)
		}
		m.seen[id] = i.State
	}
	for _, e := range m.cloud.Events(now) {
		if e.At.After(now) {
			t.Fatalf("an event of the future: %+v", e)
		}
	}
	for _, i := range m.cloud.Booted(now) {
		if !i.State.Live() || i.State == provider.Stopped || i.Boots == 0 {
			t.Fatalf("%s is said to have booted, and is %s", i.ID, i.State)
		}
	}
}

// TestLookingChangesNothing: how often somebody looks has no influence on what happens.
func TestLookingChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		looks := rapid.SliceOfN(rapid.Int64Range(0, int64(6*time.Hour)), 0, 20).Draw(rt, "looks")
		slices.Sort(looks)
		story := func(looks []int64) string {
			w := newWorld(t, func(o *sim.Options) { o.Random = seamtest.NewRandom(seed) })
			f := everything()
			f.Refusals, f.LostAnswers, f.LostRequests = nil, 0, 0
			w.faults(f)
			w.create(ask("a", fleet.Spot, 20))
			w.create(ask("b", fleet.OnDemand, 5))
			for _, at := range looks {
				w.clock.Advance(start().Add(time.Duration(at)).Sub(w.clock.Now()))
				w.Advance(w.clock.Now())
				w.Next(w.clock.Now())
			}
			now := w.clock.Advance(start().Add(6 * time.Hour).Sub(w.clock.Now()))
			return fmt.Sprint(w.Events(now), w.Living(now), w.Booted(now))
		}
		if a, b := story(nil), story(looks); a != b {
			rt.Fatalf("without looking:\n%s\nwith looks at %v:\n%s", a, looks, b)
		}
	})
}
