package sim_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

type caller struct{}

// TestActedIsToldOfEveryCall lets a scheduler see what a call did before the call's answer arrives.
func TestActedIsToldOfEveryCall(t *testing.T) {
	var w *world
	var told []string
	w = newWorld(t, func(o *sim.Options) {
		o.Timing = sim.Timing{
			Calls: sim.Distribution{Median: time.Second}, Answers: sim.Distribution{Median: 4 * time.Second},
			Pending: sim.Distribution{Median: 2 * time.Second}, ShuttingDown: sim.Distribution{Median: time.Minute},
		}
		o.Acted = func(ctx context.Context) {
			line := fmt.Sprintf("%v after %s:", ctx.Value(caller{}), w.clock.Now().Sub(start()))
			for _, i := range w.Changes(w.clock.Now()) {
				line += fmt.Sprintf(" %s", i.State)
			}
			told = append(told, line)
		}
	})
	ctx := context.WithValue(t.Context(), caller{}, "somebody")
	a, err := w.CreateFleet(ctx, ask("token", fleet.OnDemand, 2))
	if err != nil {
		t.Fatal(err)
	}
	if took := w.clock.Now().Sub(start()); took != 5*time.Second {
		t.Errorf("a call of 1 s has its answer 4 s later, after %s", took)
	}
	w.faults(sim.Faults{Refusals: []sim.Refusal{{Code: sim.CodeThrottled, Rate: 1}}})
	if _, err := w.DescribeInstances(ctx, region, nil); code(err) != sim.CodeThrottled {
		t.Errorf("DescribeInstances = %v", err)
	}
	w.faults(sim.Faults{LostAnswers: 1})
	if _, err := w.TerminateInstances(ctx, region, a.Instances[0].ID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("TerminateInstances = %v, and its answer is lost", err)
	}
	want := []string{
		"somebody after 1s: pending pending", "somebody after 6s: running running", "somebody after 11s: shutting-down",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("what was told of the calls: %s", diff)
	}
	if got := w.Tally(); got != (sim.Tally{Refusals: 1, LostAnswers: 1}) {
		t.Errorf("%+v of the faults have struck", got)
	}
}

func TestNobodyKeepsChangesThatNobodyReads(t *testing.T) {
	w := newWorld(t, nil)
	w.one(fleet.Spot)
	if got := w.Changes(w.clock.Advance(time.Minute)); got != nil {
		t.Errorf("%d changes are kept without Options.Acted", len(got))
	}
}

// TestOutlook: what was foretold of instances comes true.
func TestOutlook(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(sim.Faults{NeverBoot: 0.4, SlowBoots: 0.3, Hidden: 0.5, HiddenFor: time.Minute})
	foretold := map[string]sim.Outlook{}
	for range 30 {
		id := w.one(fleet.OnDemand)
		foretold[id] = w.Outlook(id)
	}
	never, hidden := 0, 0
	for id, o := range foretold {
		if o.Boots.IsZero() {
			never++
		}
		if o.Known.After(start()) {
			hidden++
		}
		if i, _ := w.Instance(id, start()); o.Known.Before(i.Launched) {
			t.Errorf("%s is known before it is made", id)
		}
	}
	for {
		now := w.clock.Now()
		for _, i := range w.Booted(now) {
			if o := foretold[i.ID]; !o.Boots.Equal(now) {
				t.Errorf("%s boots after %s, foretold were %s", i.ID, now.Sub(start()), o.Boots.Sub(start()))
			}
			delete(foretold, i.ID)
		}
		next := w.Next(now)
		if next.IsZero() {
			break
		}
		w.clock.Advance(next.Sub(now))
	}
	if len(foretold) != never || never == 0 || hidden == 0 {
		t.Errorf("%d instances never booted, foretold were %d; %d were hidden", len(foretold), never, hidden)
	}
	if got := w.Tally(); got.NeverBoot != never || got.Hidden != hidden || got.SlowBoots == 0 {
		t.Errorf("tally %+v, want %d that never boot and %d hidden", got, never, hidden)
	}
	if got := w.Outlook("i-0123456789abcdef0"); got != (sim.Outlook{}) {
		t.Errorf("the outlook of no instance is %+v", got)
	}
}

// TestDrawnTimes: times that no log-normal distribution describes are the caller's own, and slow ones are slow in proportion.
func TestDrawnTimes(t *testing.T) {
	for name, c := range map[string]struct {
		faults sim.Faults
		want   time.Duration
	}{
		"boots":      {sim.Faults{}, 7 * time.Second},
		"slow boots": {sim.Faults{SlowBoots: 1}, 70 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *sim.Options) {
				boot := sim.Distribution{Draw: func(uint64) time.Duration { return 7 * time.Second }}
				o.Timing = sim.Timing{Boots: map[fleet.OS]sim.Boot{fleet.Linux: {Cold: boot}}}
			})
			w.faults(c.faults)
			id := w.one(fleet.Spot)
			if got := w.Outlook(id).Boots.Sub(start()); got != c.want {
				t.Errorf("the instance boots after %s, want %s", got, c.want)
			}
		})
	}
}

// TestReclaimWithoutNotice: what was bought on demand stays.
func TestReclaimWithoutNotice(t *testing.T) {
	w := newWorld(t, nil)
	spot, onDemand := w.one(fleet.Spot), w.one(fleet.OnDemand)
	w.until(spot, provider.Running)
	w.until(onDemand, provider.Running)
	for _, id := range []string{spot, onDemand} {
		if err := w.Reclaim(id); err != nil {
			t.Fatal(err)
		}
	}
	i, _ := w.Instance(spot, w.clock.Now())
	if i.State != provider.ShuttingDown || i.Reason != "Server.SpotInstanceTermination" || !i.Interruption.IsZero() {
		t.Errorf("the spot instance is %s (%s), with a notice for %s", i.State, i.Reason, i.Interruption)
	}
	if s := w.state(onDemand); s != provider.Running {
		t.Errorf("the instance on demand is %s", s)
	}
	if err := w.Reclaim("i-0123456789abcdef0"); err == nil {
		t.Error("an instance that does not exist is reclaimed")
	}
}

// TestEndingNothingEndsNothing: no ids are not all ids.
func TestEndingNothingEndsNothing(t *testing.T) {
	w := newWorld(t, nil)
	p := w.Provider(sim.ProviderOptions{Fleet: "f1"})
	a, err := p.Launch(t.Context(), provider.Request{LaunchID: "launch-1", Site: site(), Market: fleet.Spot, Spec: spec(fleet.Spot), Count: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Terminate(t.Context(), site(), nil); err != nil {
		t.Errorf("Terminate = %v", err)
	}
	for _, i := range a.Instances {
		if s := w.state(i.ID); !s.Live() {
			t.Errorf("%s is %s", i.ID, s)
		}
	}
}

// TestARepeatForAnotherDiskIsRefused: what is in no field of CreateFleet, but in the launch template, belongs to the request.
func TestARepeatForAnotherDiskIsRefused(t *testing.T) { // rule 2.2
	w := newWorld(t, nil)
	p := w.Provider(sim.ProviderOptions{Fleet: "f1"})
	r := provider.Request{LaunchID: "launch-1", Site: site(), Market: fleet.Spot, Spec: spec(fleet.Spot), Count: 1}
	if _, err := p.Launch(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.Spec.Disk.SizeGB = 100
	if _, err := p.Launch(t.Context(), r); !errors.Is(err, provider.ErrTokenReused) {
		t.Errorf("Launch = %v, want ErrTokenReused", err)
	}
}
