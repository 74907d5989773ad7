package sim_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

func TestStatesTakeTheirTime(t *testing.T) { // page ec2-instance-lifecycle
	w := newWorld(t, func(o *sim.Options) {
		o.Timing = sim.Timing{
			Pending: sim.Distribution{Median: 5 * time.Second}, Stopping: sim.Distribution{Median: 20 * time.Second},
			ShuttingDown: sim.Distribution{Median: 30 * time.Second},
			Boots: map[fleet.OS]sim.Boot{fleet.Linux: {
				Cold: sim.Distribution{Median: 25 * time.Second}, Stopped: sim.Distribution{Median: 12 * time.Second},
			}},
		}
	})
	id := w.one(fleet.OnDemand)
	after := func(d time.Duration, want provider.State, boots int) {
		t.Helper()
		w.clock.Advance(d)
		if i, _ := w.Instance(id, w.clock.Now()); i.State != want || i.Boots != boots {
			t.Errorf("it is %s and has booted %d times, want %s and %d", i.State, i.Boots, want, boots)
		}
	}
	after(0, provider.Pending, 0)
	after(5*time.Second-1, provider.Pending, 0)
	after(1, provider.Running, 0)
	after(20*time.Second-1, provider.Running, 0)
	after(1, provider.Running, 1)
	w.do("stop", id)
	after(20*time.Second-1, provider.Stopping, 1)
	after(1, provider.Stopped, 1)
	w.do("start", id)
	after(12*time.Second-1, provider.Running, 1)
	after(1, provider.Running, 2)
	w.do("terminate", id)
	after(30*time.Second-1, provider.ShuttingDown, 2)
	after(1, provider.Terminated, 2)
	if next := w.Next(w.clock.Now()); !next.IsZero() {
		t.Errorf("something is said to happen at %s", next)
	}
}

func TestBootsFollowTheirDistribution(t *testing.T) {
	w := newWorld(t, func(o *sim.Options) { o.Regions = sim.DefaultRegions(1000) })
	w.create(ask("", fleet.OnDemand, 1000))
	took := map[string]time.Duration{}
	for next := w.Next(w.clock.Now()); !next.IsZero(); next = w.Next(next) {
		w.clock.Advance(next.Sub(w.clock.Now()))
		for _, i := range w.Booted(next) {
			took[i.ID] = next.Sub(start())
		}
	}
	if len(took) != 1000 {
		t.Fatalf("%d of 1000 booted", len(took))
	}
	var sorted []time.Duration
	for _, d := range took {
		sorted = append(sorted, d)
	}
	slices.Sort(sorted)
	within := func(what string, got, low, high time.Duration) {
		if got < low || got > high {
			t.Errorf("%s is %s, want %s to %s", what, got, low, high)
		}
	}
	within("the median", sorted[500], 24*time.Second, 26*time.Second) // 25 s, spread 1.6
	within("the 2.5th percentile", sorted[25], 14*time.Second, 17*time.Second)
	within("the 97.5th percentile", sorted[975], 37*time.Second, 43*time.Second)
}

func TestMachinesComeUpAndGoDown(t *testing.T) {
	w := newWorld(t, nil)
	r := ask("", fleet.OnDemand, 3)
	r.OnShutdown = sim.StopOnShutdown
	a := ids(w.create(r).Instances)
	now := w.clock.Advance(5 * time.Minute)
	if diff := cmp.Diff(a, ids(w.Booted(now))); diff != "" {
		t.Errorf("booted (-want +got):\n%s", diff)
	}
	if again := w.Booted(now); again != nil {
		t.Errorf("booted again: %v", again)
	}
	if err := w.PowerOff(a[0]); err != nil { // a pool's machine stops itself: rule 7.2
		t.Fatal(err)
	}
	w.do("terminate", a[1])
	if diff := cmp.Diff(a[:2], ids(w.Halted(now))); diff != "" {
		t.Errorf("halted (-want +got):\n%s", diff)
	}
	w.until(a[0], provider.Stopped)
	w.do("start", a[0])
	w.do("terminate", a[0]) // before it has come up a second time
	now = w.clock.Advance(5 * time.Minute)
	if up, down := w.Booted(now), w.Halted(now); len(up)+len(down) != 0 {
		t.Errorf("came up %v and went down %v, want neither", up, down)
	}
	if i, _ := w.Instance(a[0], now); i.Reason != "Client.UserInitiatedShutdown" || i.ReasonText() != "Client.UserInitiatedShutdown: User initiated shutdown" {
		t.Errorf("its reason is %q", i.ReasonText())
	}
	if err := w.PowerOff("i-never"); err == nil {
		t.Error("an instance that never was can be powered off")
	}
}

func TestAShutdownFromWithinEndsTheInstance(t *testing.T) {
	w := newWorld(t, nil)
	for market, onShutdown := range map[fleet.Market]string{fleet.OnDemand: sim.TerminateOnShutdown, fleet.Spot: sim.StopOnShutdown} {
		r := ask("", market, 1)
		r.OnShutdown = onShutdown
		id := w.create(r).Instances[0].ID
		w.until(id, provider.Running)
		if err := w.PowerOff(id); err != nil {
			t.Fatal(err)
		}
		if i, _ := w.Instance(id, w.clock.Now()); i.State != provider.ShuttingDown || i.Reason != "Client.InstanceInitiatedShutdown" {
			t.Errorf("%s: it is %s because of %q", market, i.State, i.Reason)
		}
	}
}

// kinds tells events without their times.
func kinds(events []sim.Event, id string) []string {
	var out []string
	for _, e := range events {
		if e.Instance == id {
			out = append(out, strings.TrimSpace(string(e.Kind)+" "+string(e.State)))
		}
	}
	return out
}

func TestASpotInstanceHasTwoMinutes(t *testing.T) { // page spot-instance-termination-notices
	w := newWorld(t, nil)
	id, safe := w.one(fleet.Spot), w.one(fleet.OnDemand)
	w.until(id, provider.Running)
	w.clock.Advance(time.Hour)
	for _, i := range []string{id, id, safe} {
		if err := w.Interrupt(i); err != nil {
			t.Fatal(err)
		}
		if err := w.Recommend(i); err != nil {
			t.Fatal(err)
		}
	}
	noticed := w.clock.Now()
	if i, _ := w.Instance(id, noticed); !i.Interruption.Equal(noticed.Add(2*time.Minute)) || !i.Rebalance.Equal(noticed) {
		t.Errorf("its metadata says %s and %s", i.Interruption, i.Rebalance)
	}
	w.clock.Advance(2*time.Minute - 1)
	if s := w.state(id); s != provider.Running {
		t.Errorf("it is %s before its time", s)
	}
	w.clock.Advance(1)
	if i, _ := w.Instance(id, w.clock.Now()); i.State != provider.ShuttingDown || i.Reason != "Server.SpotInstanceTermination" {
		t.Errorf("it is %s because of %q", i.State, i.Reason)
	}
	w.until(id, provider.Terminated)
	events := w.Events(w.clock.Now())
	want := []string{
		"EC2 Instance State-change Notification pending", "EC2 Instance State-change Notification running",
		"EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation",
		"EC2 Instance State-change Notification shutting-down", "EC2 Instance State-change Notification terminated",
	}
	if diff := cmp.Diff(want, kinds(events, id)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], kinds(events, safe)); diff != "" {
		t.Errorf("events of what runs on demand (-want +got):\n%s", diff)
	}
}

func TestSpotInstancesGoWhenCapacityDoes(t *testing.T) {
	w := newWorld(t, nil)
	r := ask("", fleet.Spot, 5)
	r.Overrides = r.Overrides[:1]
	spot := w.create(r)
	r.Market = fleet.OnDemand
	onDemand := w.create(r)
	w.SetCapacity(sim.Pool{Zone: zoneA}, 2)
	w.SetCapacity(sim.Pool{Zone: zoneA}, 2) // those that are noticed already count
	now := w.clock.Advance(3 * time.Minute)
	var left []string
	for _, i := range w.Living(now) {
		left = append(left, i.ID)
	}
	want := append(slices.Clone(idsInOrder(spot)[:2]), idsInOrder(onDemand)...)
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("left are (-want +got):\n%s", diff)
	}
}

func idsInOrder(a sim.FleetAnswer) []string {
	var out []string
	for _, i := range a.Instances {
		out = append(out, i.ID)
	}
	return out
}

func TestCapacityChangesOverTime(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(sim.Faults{Drought: 0.2, Swing: 0.5, Period: time.Hour})
	r := ask("", fleet.Spot, 1)
	r.Overrides = r.Overrides[:1]
	dry, different := 0, map[int]bool{}
	for range 200 {
		n := w.Room(r)
		if different[n] = true; n == 0 {
			dry++
		}
		if n != 0 && (n < 10 || n > 20) {
			t.Errorf("room for %d of 20", n)
		}
		w.clock.Advance(time.Hour)
	}
	if dry < 20 || dry > 60 || len(different) < 8 {
		t.Errorf("%d of 200 hours without capacity and %d different capacities", dry, len(different))
	}
	w.faults(sim.Faults{})
	id := w.one(fleet.Spot)
	w.faults(sim.Faults{Drought: 1, Period: time.Hour})
	if i, _ := w.Instance(id, w.clock.Now()); i.Interruption.IsZero() {
		t.Error("no notice when the capacity is gone")
	}
}

func TestADroughtThatBeginsLaterReclaims(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(sim.Faults{Drought: 0.3, Period: time.Hour})
	a := w.create(ask("", fleet.Spot, 10))
	for next := w.Next(w.clock.Now()); !next.IsZero(); next = w.Next(w.clock.Now()) {
		if w.clock.Advance(next.Sub(w.clock.Now())).After(start().Add(48 * time.Hour)) {
			break
		}
	}
	if living := len(w.Living(w.clock.Now())); living != 0 {
		t.Errorf("%d of %d live after two days with droughts", living, len(a.Instances))
	}
}

func TestWhatComesUpAndGoesDownUnseenIsNotTold(t *testing.T) {
	w := newWorld(t, nil)
	id := w.one(fleet.OnDemand)
	w.clock.Advance(5 * time.Minute)
	w.do("terminate", id)
	now := w.clock.Now()
	if up, down := w.Booted(now), w.Halted(now); len(up)+len(down) != 0 {
		t.Errorf("came up %v and went down %v, want neither", up, down)
	}
	if _, _, err := w.Identity(id, now); err == nil {
		t.Error("an instance without power asked who it is")
	}
}

func TestWhatIsDueAtOnceHappensInTheOrderOfLaunch(t *testing.T) {
	w := newWorld(t, func(o *sim.Options) { o.Timing = sim.Timing{Pending: sim.Distribution{Median: time.Second}} })
	launched := idsInOrder(w.create(ask("", fleet.OnDemand, 40)))
	now := w.clock.Advance(time.Minute)
	var up []string
	for _, i := range w.Booted(now) {
		up = append(up, i.ID)
	}
	if diff := cmp.Diff(launched, up); diff != "" {
		t.Errorf("booted in another order (-launched +booted):\n%s", diff)
	}
}
