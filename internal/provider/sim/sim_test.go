package sim_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/providertest"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
)

// zones of the tests' only region.
const (
	region = "us-east-1"
	zoneA  = "us-east-1a"
	zoneB  = "us-east-1b"
	zoneC  = "us-east-1c"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func site() fleet.Site { return fleet.Site{Environment: "production", Region: region} }

// world is a cloud with its clock.
type world struct {
	*sim.Cloud
	t      *testing.T
	clock  *seamtest.Clock
	random *seamtest.Random
}

func newWorld(t *testing.T, change func(*sim.Options)) *world {
	t.Helper()
	types, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clock: seamtest.At(start()), random: seamtest.NewRandom(1)}
	o := sim.Options{
		Clock: w.clock, Random: w.random, Catalog: types, Regions: sim.DefaultRegions(20), Timing: sim.DefaultTiming(), KeepEvents: true,
	}
	if change != nil {
		change(&o)
	}
	w.random, _ = o.Random.(*seamtest.Random)
	if w.Cloud, err = sim.New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) faults(f sim.Faults) {
	w.t.Helper()
	if err := w.SetFaults(f); err != nil {
		w.t.Fatal(err)
	}
}

// ask is a valid request.
func ask(token string, market fleet.Market, count int) sim.FleetRequest {
	return sim.FleetRequest{
		Region: region, Token: token, Market: market, Count: count, OS: fleet.Linux, Arch: fleet.AMD64,
		Overrides: []sim.Override{{Type: "c7i.large", Zone: zoneA}, {Type: "c7i.large", Zone: zoneB}, {Type: "m7i.large", Zone: zoneA}},
		Tags:      map[string]string{"team": "ci"},
	}
}

func (w *world) create(r sim.FleetRequest) sim.FleetAnswer {
	w.t.Helper()
	a, err := w.CreateFleet(w.t.Context(), r)
	if err != nil {
		w.t.Fatalf("CreateFleet: %v", err)
	}
	return a
}

// one makes one instance.
func (w *world) one(market fleet.Market) string {
	w.t.Helper()
	a := w.create(ask("", market, 1))
	if len(a.Instances) != 1 {
		w.t.Fatalf("no instance: %+v", a.Errors)
	}
	return a.Instances[0].ID
}

func (w *world) state(id string) provider.State {
	i, _ := w.Instance(id, w.clock.Now())
	return i.State
}

// until moves the clock from event to event until the instance is in the state.
func (w *world) until(id string, s provider.State) time.Time {
	w.t.Helper()
	for range 1000 {
		if w.state(id) == s {
			return w.clock.Now()
		}
		next := w.Next(w.clock.Now())
		if next.IsZero() {
			break
		}
		w.clock.Advance(next.Sub(w.clock.Now()))
	}
	w.t.Fatalf("%s is %s and will never be %s", id, w.state(id), s)
	return time.Time{}
}

func code(err error) string {
	if api, ok := errors.AsType[*sim.APIError](err); ok {
		return api.Code
	}
	return ""
}

func ids(instances []sim.Instance) []string {
	var out []string
	for _, i := range instances {
		out = append(out, i.ID)
	}
	slices.Sort(out)
	return out
}

func spec(market fleet.Market) fleet.Spec {
	return fleet.Spec{CPU: fleet.Range{Min: 2, Max: 2}, Archs: []fleet.Arch{fleet.AMD64}, OS: fleet.Linux, Market: market, Families: []string{"c7i"}}
}

func TestConformance(t *testing.T) {
	for name, o := range map[string]struct {
		options  sim.ProviderOptions
		capacity int
	}{
		"a provider that cannot know what is free": {sim.ProviderOptions{Fleet: "f1"}, 100},
		"a provider that knows what is free":       {sim.ProviderOptions{Fleet: "f1", KnowsRoom: true}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, func(t *testing.T) providertest.Backend {
				w := newWorld(t, func(s *sim.Options) { s.Regions = sim.DefaultRegions(o.capacity) })
				return providertest.Backend{
					Provider: w.Provider(o.options), Site: site(), Spec: spec(fleet.OnDemand),
					Impossible: fleet.Spec{OS: fleet.Linux, Archs: []fleet.Arch{fleet.ARM64}, Families: []string{"c7i"}},
				}
			})
		})
	}
}

// history runs a fixed story and tells everything that happened.
func history(t *testing.T, seed uint64, f sim.Faults) string {
	t.Helper()
	w := newWorld(t, func(o *sim.Options) { o.Random = seamtest.NewRandom(seed); o.Limits = sim.EC2Limits() })
	w.faults(f)
	var said []any
	for i := range 30 {
		a, err := w.CreateFleet(t.Context(), ask(string(rune('a'+i)), fleet.Spot, 5))
		said = append(said, a, code(err))
		now := w.clock.Advance(3 * time.Minute)
		listed, err := w.DescribeInstances(t.Context(), region, nil)
		said = append(said, ids(listed), code(err), w.Halted(now), w.Booted(now), w.Events(now))
	}
	b, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func everything() sim.Faults {
	return sim.Faults{
		Refusals:    []sim.Refusal{{Code: sim.CodeThrottled, Rate: 0.1}, {Action: "CreateFleet", Code: sim.CodeInternal, Rate: 0.1}},
		LostAnswers: 0.1, LostRequests: 0.1, EmptyPools: 0.2, FailedPlaces: 0.2, Drought: 0.2, Swing: 0.5, Period: 10 * time.Minute,
		StaleListings: 0.3, Lag: time.Minute, Hidden: 0.3, HiddenFor: 30 * time.Second, DeadAtBirth: 0.1, NeverBoot: 0.1, SlowBoots: 0.2,
		SlowStates: 0.2, InterruptionsPerHour: 2, Hinted: 0.5, FalseHints: 0.2, Unannounced: 0.2, LostEvents: 0.1, RepeatedEvents: 0.1, LateEvents: 0.1,
	}
}

func TestTheSameSeedTellsTheSameHistory(t *testing.T) {
	first := history(t, 7, everything())
	if diff := cmp.Diff(first, history(t, 7, everything())); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	if first == history(t, 8, everything()) {
		t.Error("another seed tells the same history")
	}
}

// TestARateOfZeroDrawsNothing: what one fault does is independent of whether the others are on.
func TestARateOfZeroDrawsNothing(t *testing.T) {
	story := func(f sim.Faults) (alive []string, given int) {
		w := newWorld(t, nil)
		w.faults(f)
		for range 20 {
			w.create(ask("", fleet.OnDemand, 2))
		}
		for _, i := range w.Living(w.clock.Advance(time.Hour)) {
			if i.Boots > 0 {
				alive = append(alive, i.ID)
			}
		}
		return alive, w.random.Given()
	}
	alone, given := story(sim.Faults{NeverBoot: 0.3})
	with, more := story(sim.Faults{NeverBoot: 0.3, SlowBoots: 0.5, SlowStates: 0.5, Hidden: 0.5, HiddenFor: time.Second})
	if diff := cmp.Diff(alone, with); diff != "" {
		t.Errorf("other faults change which instances never boot:\n%s", diff)
	}
	const calls = 20 + 1 // and the cloud's own seed
	if given != calls || more != calls {
		t.Errorf("%d and %d numbers were drawn, want one a call: %d", given, more, calls)
	}
}
