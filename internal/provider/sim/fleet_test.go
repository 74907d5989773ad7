package sim_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// spread counts instances by type and zone.
func spread(a sim.FleetAnswer) map[string]int {
	by := map[string]int{}
	for _, i := range a.Instances {
		by[i.Pool.Type+" "+i.Pool.Zone]++
	}
	return by
}

func codes(a sim.FleetAnswer) []string {
	var out []string
	for _, e := range a.Errors {
		out = append(out, e.Override.Type+" "+e.Override.Zone+" "+e.Code)
	}
	return out
}

// TestATokenMeansOneRequest: page ec2-api-idempotency. rule 2.2.
func TestATokenMeansOneRequest(t *testing.T) {
	w := newWorld(t, nil)
	first := w.create(ask("token", fleet.OnDemand, 3))
	for name, change := range map[string]func(*sim.FleetRequest){
		"count":     func(r *sim.FleetRequest) { r.Count++ },
		"market":    func(r *sim.FleetRequest) { r.Market = fleet.Spot }, // a failed spot launch is not repeated on demand under its token
		"overrides": func(r *sim.FleetRequest) { r.Overrides = r.Overrides[:2] },
		"tags":      func(r *sim.FleetRequest) { r.Tags = map[string]string{"team": "other"} },
		"the rest":  func(r *sim.FleetRequest) { r.Rest = []byte("user data") },
	} {
		r := ask("token", fleet.OnDemand, 3)
		change(&r)
		if _, err := w.CreateFleet(t.Context(), r); code(err) != sim.CodeMismatch {
			t.Errorf("with another %s: %v, want %s", name, err, sim.CodeMismatch)
		}
	}
	w.bring(first.Instances[0].ID, provider.Terminated)
	w.clock.Advance(3 * time.Hour) // it is forgotten, and the token is not
	again := w.create(ask("token", fleet.OnDemand, 3))
	if diff := cmp.Diff(ids(first.Instances), ids(again.Instances)); diff != "" || again.FleetID != first.FleetID {
		t.Errorf("a repetition after the end tells of others:\n%s", diff)
	}
	if again.Instances[0].State != provider.Terminated {
		t.Errorf("the ended instance is told to be %s", again.Instances[0].State)
	}
	if w.Made() != 3 {
		t.Errorf("%d instances were made, want 3", w.Made())
	}
}

func TestInstancesAndErrorsInOneAnswer(t *testing.T) { // failure modes D6, M5
	w := newWorld(t, nil)
	w.SetCapacity(sim.Pool{Type: "c7i.large"}, 2)
	w.SetCapacity(sim.Pool{Type: "m7i.large"}, 1)
	r := ask("token", fleet.OnDemand, 7)
	r.Overrides = append(r.Overrides, sim.Override{Type: "c8i.large", Zone: zoneC}, sim.Override{Type: "c7g.large", Zone: zoneA})
	a := w.create(r)
	if diff := cmp.Diff(map[string]int{"c7i.large us-east-1a": 2, "c7i.large us-east-1b": 2, "m7i.large us-east-1a": 1}, spread(a)); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	want := []string{
		"c8i.large us-east-1c " + sim.CodeInvalidOverride, // failure mode D9: the zone does not offer it
		"c7g.large us-east-1a " + sim.CodeInvalidParameter,
		"c7i.large us-east-1a " + sim.CodeNoCapacity,
		"c7i.large us-east-1b " + sim.CodeNoCapacity,
		"m7i.large us-east-1a " + sim.CodeNoCapacity,
	}
	if diff := cmp.Diff(want, codes(a)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	w.SetCapacity(sim.Pool{}, 100)
	if diff := cmp.Diff(codes(a), codes(w.create(r))); diff != "" {
		t.Errorf("a repetition tells of other errors:\n%s", diff)
	}
}

// TestStrategies: page ec2-fleet-allocation-strategy.
func TestStrategies(t *testing.T) {
	pools := []sim.Override{{Type: "m7i.large", Zone: zoneA, Priority: 1}, {Type: "c7i.large", Zone: zoneA, Priority: 3}, {Type: "c7i.large", Zone: zoneB, Priority: 2}}
	tests := map[string]struct {
		strategy sim.Strategy
		market   fleet.Market
		room     [3]int
		want     map[string]int
	}{
		"the cheapest, and the rest elsewhere": {
			sim.LowestPrice, fleet.OnDemand,
			[3]int{9, 3, 9},
			map[string]int{"c7i.large us-east-1a": 3, "c7i.large us-east-1b": 3},
		},
		"the first in priority": {sim.Prioritized, fleet.OnDemand, [3]int{4, 9, 9}, map[string]int{"m7i.large us-east-1a": 4, "c7i.large us-east-1b": 2}},
		"the most room":         {sim.CapacityOptimized, fleet.Spot, [3]int{9, 7, 7}, map[string]int{"m7i.large us-east-1a": 6}},
		"priority on spot":      {sim.CapacityPrioritized, fleet.Spot, [3]int{4, 9, 9}, map[string]int{"m7i.large us-east-1a": 4, "c7i.large us-east-1b": 2}},
		"the cheapest with room": {
			sim.PriceCapacityOptimized, fleet.Spot,
			[3]int{9, 5, 5},
			map[string]int{"m7i.large us-east-1a": 6},
		},
		"the most room where none has enough": {
			sim.PriceCapacityOptimized, fleet.Spot,
			[3]int{4, 3, 0},
			map[string]int{"m7i.large us-east-1a": 4, "c7i.large us-east-1a": 2},
		},
		"a share of each": {
			sim.Diversified, fleet.Spot,
			[3]int{9, 9, 9},
			map[string]int{"m7i.large us-east-1a": 2, "c7i.large us-east-1a": 2, "c7i.large us-east-1b": 2},
		},
		"a share of each, and more where there is room": {
			sim.Diversified, fleet.Spot,
			[3]int{9, 0, 1},
			map[string]int{"m7i.large us-east-1a": 5, "c7i.large us-east-1b": 1},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			for i, n := range test.room {
				w.SetCapacity(sim.Pool{Type: pools[i].Type, Zone: pools[i].Zone}, n)
			}
			r := ask("", test.market, 6)
			r.Overrides, r.Strategy = pools, test.strategy
			if diff := cmp.Diff(test.want, spread(w.create(r))); diff != "" {
				t.Errorf("instances (-want +got):\n%s", diff)
			}
		})
	}
}

// TestQuotas: page ec2-instance-quotas.
func TestQuotas(t *testing.T) {
	for market, want := range map[fleet.Market]string{fleet.OnDemand: sim.CodeVCPULimit, fleet.Spot: sim.CodeSpotLimit} {
		w := newWorld(t, func(o *sim.Options) {
			o.Regions[0].Quotas = []sim.Quota{{Class: "standard", Market: market, VCPUs: 7}}
		})
		a := w.create(ask("", market, 5)) // of two vCPUs each
		if len(a.Instances) != 3 || len(a.Errors) == 0 || a.Errors[0].Code != want {
			t.Errorf("%s: %d instances and %v, want 3 and %s", market, len(a.Instances), codes(a), want)
		}
		w.bring(a.Instances[0].ID, provider.Terminated)
		if a := w.create(ask("", market, 5)); len(a.Instances) != 1 {
			t.Errorf("%s: %d instances after one has ended, want 1", market, len(a.Instances))
		}
	}
	for name, want := range map[string]string{"c7i.large": "standard", "g5.xlarge": "G", "p5.48xlarge": "P", "inf2.xlarge": "INF", "t3.micro": "standard"} {
		if got := sim.QuotaClass(name); got != want {
			t.Errorf("%s belongs to %q, want %q", name, got, want)
		}
	}
}

// TestThrottling: page ec2-api-throttling.
func TestThrottling(t *testing.T) { // failure mode D16
	w := newWorld(t, func(o *sim.Options) {
		o.Limits = sim.Limits{Reads: sim.Bucket{Size: 3, PerSecond: 1}, Writes: sim.Bucket{Size: 5, PerSecond: 5}, Launched: sim.Bucket{Size: 4, PerSecond: 2}}
	})
	describe := func() string {
		_, err := w.DescribeInstances(t.Context(), region, nil)
		return code(err)
	}
	for n, want := range []string{"", "", "", sim.CodeThrottled} {
		if got := describe(); got != want {
			t.Errorf("call %d: %q, want %q", n, got, want)
		}
	}
	w.create(ask("", fleet.OnDemand, 3)) // another action has a bucket of its own
	if _, err := w.CreateFleet(t.Context(), ask("a", fleet.OnDemand, 2)); code(err) != sim.CodeThrottled {
		t.Errorf("five instances from a bucket of four: %v", err)
	}
	w.clock.Advance(time.Second)
	if got := describe(); got != "" {
		t.Errorf("after a second: %q", got)
	}
	if a := w.create(ask("a", fleet.OnDemand, 2)); len(a.Instances) != 2 {
		t.Errorf("after a second: %+v", a)
	}
	limits := sim.EC2Limits()
	if limits.Reads.Size != 100 || limits.Reads.PerSecond != 20 || limits.Launched.Size != 1000 || limits.Launched.PerSecond != 2 {
		t.Errorf("EC2's limits are %+v", limits)
	}
}

func TestCapacityIsHeldWhileThereIsPower(t *testing.T) {
	w := newWorld(t, nil)
	w.SetCapacity(sim.Pool{}, 1)
	r := ask("", fleet.OnDemand, 1)
	r.Overrides = r.Overrides[:1]
	room := func() int { return w.Room(r) }
	id := w.create(r).Instances[0].ID
	w.until(id, provider.Running)
	if room() != 0 {
		t.Error("a running instance holds no place")
	}
	w.do("stop", id)
	if room() != 0 {
		t.Error("a stopping instance holds no place")
	}
	w.until(id, provider.Stopped)
	if room() != 1 {
		t.Error("a stopped instance holds its place")
	}
	other := w.create(r).Instances[0].ID
	if _, err := w.verb("start", id); code(err) != sim.CodeNoCapacity { // page API_StartInstances
		t.Errorf("start without capacity = %v", err)
	}
	w.do("terminate", other)
	w.do("start", id)
}

func TestPricesMoveBelowThePriceOnDemand(t *testing.T) {
	w := newWorld(t, nil)
	pool := sim.Pool{Region: region, Zone: zoneA, Type: "c7i.large", Market: fleet.Spot}
	history := w.SpotPrices(pool, fleet.Linux, start(), start().Add(72*time.Hour))
	different := map[float64]bool{}
	for _, p := range history {
		different[p.USD] = true
		if list, _ := w.Catalog().Type("c7i.large"); p.USD >= list.OnDemand || p.USD < list.Spot*0.79 {
			t.Errorf("an hour costs %g", p.USD)
		}
	}
	if len(different) < 10 {
		t.Errorf("%d different prices in three days", len(different))
	}
	pool.Market = fleet.OnDemand
	if usd, ok := w.Price(pool, fleet.Linux, start()); !ok || usd != 0.08925 {
		t.Errorf("on demand it costs %g, %v", usd, ok)
	}
	for _, p := range []sim.Pool{{Region: "mars", Zone: zoneA, Type: "c7i.large"}, {Region: region, Zone: zoneC, Type: "c8i.large"}, {Region: region, Zone: zoneA, Type: "x"}} {
		if _, ok := w.Price(p, fleet.Linux, start()); ok {
			t.Errorf("%+v has a price", p)
		}
	}
}

func TestOfferings(t *testing.T) { // page API_DescribeInstanceTypeOfferings
	w := newWorld(t, nil)
	in := map[sim.Offering]bool{}
	for _, o := range w.Offerings(region) {
		in[o] = true
	}
	if !in[sim.Offering{Type: "c8i.large", Zone: zoneA}] || in[sim.Offering{Type: "c8i.large", Zone: zoneC}] {
		t.Error("the newest generation is to be in every zone but the last")
	}
	if w.Offerings("mars") != nil || len(w.Zones(region)) != 3 || w.Zones("mars") != nil {
		t.Error("wrong offerings or zones")
	}
}

func TestALaunchNamesAtMostSixtyPools(t *testing.T) { // failure modes D6, D7
	w := newWorld(t, nil)
	p := w.Provider(sim.ProviderOptions{Fleet: "f1"})
	w.SetCapacity(sim.Pool{}, 0)
	a, err := p.Launch(t.Context(), provider.Request{
		LaunchID: "l", Site: site(), Market: fleet.Spot, Count: 2,
		Spec: fleet.Spec{CPU: fleet.Range{Min: 2, Max: 64}, OS: fleet.Linux, Archs: []fleet.Arch{fleet.AMD64, fleet.ARM64}, Families: []string{"c*", "m*"}},
	})
	want := []provider.LaunchError{{Code: sim.CodeNoCapacity, Count: 2}}
	if len(a.Errors) == 1 {
		want[0].Message = a.Errors[0].Message
	}
	if diff := cmp.Diff(provider.Answer{Errors: want}, a); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	full := w.create(ask("l2", fleet.Spot, 1))
	if len(full.Errors) != 3 {
		t.Errorf("each of three pools is to say that it is empty: %v", codes(full))
	}
}

func TestProviderErrors(t *testing.T) {
	w := newWorld(t, nil)
	p := w.Provider(sim.ProviderOptions{Fleet: "f1", KnowsRoom: true})
	ok := provider.Request{LaunchID: "l", Site: site(), Market: fleet.Spot, Count: 2, Spec: spec(fleet.Spot)}
	for name, change := range map[string]func(*provider.Request){
		"a region that is not": func(r *provider.Request) { r.Site.Region = "mars" },
		"no market":            func(r *provider.Request) { r.Market = fleet.AnyMarket },
		"no letters":           func(r *provider.Request) { r.LaunchID = "ß" },
	} {
		r := ok
		change(&r)
		if _, err := p.Launch(t.Context(), r); !errors.Is(err, provider.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	w.faults(sim.Faults{Refusals: []sim.Refusal{{Code: sim.CodeThrottled, Rate: 1}}})
	if _, err := p.Launch(t.Context(), ok); err == nil || errors.Is(err, provider.ErrInvalid) || errors.Is(err, provider.ErrTokenReused) {
		t.Errorf("throttled: %v, want an error that means nothing but unknown", err)
	}
	if _, err := p.List(t.Context(), site()); code(err) != sim.CodeThrottled {
		t.Errorf("List = %v", err)
	}
	if err := p.Terminate(t.Context(), site(), []string{"x"}); code(err) != sim.CodeThrottled {
		t.Errorf("Terminate = %v", err)
	}
	if _, err := p.ConsoleLog(t.Context(), site(), "x"); code(err) != sim.CodeThrottled {
		t.Errorf("ConsoleLog = %v", err)
	}
	if err := fmt.Errorf("wrapped: %w", p.Stop(t.Context(), site(), []string{"x"})); code(err) != sim.CodeThrottled {
		t.Errorf("Stop = %v", err)
	}
}

func TestFreeCountsTheMarketsOfTheSpec(t *testing.T) {
	w := newWorld(t, nil)
	p := w.Provider(sim.ProviderOptions{Fleet: "f1", KnowsRoom: true})
	w.SetCapacity(sim.Pool{Market: fleet.Spot}, 1)
	w.SetCapacity(sim.Pool{Market: fleet.OnDemand}, 2)
	for market, want := range map[fleet.Market]int{fleet.Spot: 3, fleet.OnDemand: 6, fleet.AnyMarket: 9} { // one type in three zones
		if n, err := p.Free(t.Context(), site(), spec(market)); err != nil || n != want {
			t.Errorf("Free of %q = %d, %v, want %d", market, n, err, want)
		}
	}
}

func TestOtherFleetsAreNeverTouched(t *testing.T) { // RightFleet
	w := newWorld(t, nil)
	ours, theirs := w.Provider(sim.ProviderOptions{Fleet: "f1"}), w.Provider(sim.ProviderOptions{Fleet: "f2"})
	a, err := theirs.Launch(t.Context(), provider.Request{LaunchID: "l", Site: site(), Market: fleet.Spot, Count: 1, Spec: spec(fleet.Spot)})
	if err != nil {
		t.Fatal(err)
	}
	if listed, err := ours.List(t.Context(), site()); err != nil || len(listed) != 0 {
		t.Errorf("List = %v, %v", listed, err)
	}
	if err := ours.Terminate(t.Context(), site(), []string{a.Instances[0].ID}); err != nil || !w.state(a.Instances[0].ID).Live() {
		t.Errorf("Terminate = %v, and it is %s", err, w.state(a.Instances[0].ID))
	}
}
