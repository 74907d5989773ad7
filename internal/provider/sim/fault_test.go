package sim_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestAnAnswerIsLostAfterSuccess(t *testing.T) { // rule 2.2
	for name, test := range map[string]struct {
		faults sim.Faults
		made   int
	}{
		"the answer":  {sim.Faults{LostAnswers: 1}, 2},
		"the request": {sim.Faults{LostRequests: 1}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(o *sim.Options) { o.Clock = seam.System{} })
			w.faults(test.faults)
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if _, err := w.CreateFleet(ctx, ask("token", fleet.OnDemand, 2)); !errors.Is(err, context.DeadlineExceeded) || code(err) != "" {
				t.Errorf("%s is lost: %v, want the deadline", name, err)
			}
			if took := time.Since(began); took != 30*time.Second {
				t.Errorf("%s is lost: the call took %s", name, took)
			}
			if _, err := w.CreateFleet(t.Context(), ask("token", fleet.OnDemand, 2)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s is lost, without a deadline: %v", name, err)
			}
			if took := time.Since(began); took != 90*time.Second {
				t.Errorf("%s is lost: without a deadline a call took %s", name, took-30*time.Second)
			}
			if w.Made() != test.made {
				t.Errorf("%s is lost: %d instances, want %d", name, w.Made(), test.made)
			}
			w.faults(sim.Faults{})
			if a := w.create(ask("token", fleet.OnDemand, 2)); len(a.Instances) != 2 || w.Made() != 2 {
				t.Errorf("%s is lost: a repetition has %d instances of %d", name, len(a.Instances), w.Made())
			}
			if _, err := w.CreateFleet(ctx, ask("b", fleet.OnDemand, 2)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a call that begins too late: %v", err)
			}
		})
	}
}

func TestCallsTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *sim.Options) {
			o.Clock = seam.System{}
			o.Timing.Calls = sim.Distribution{Median: 2 * time.Second}
		})
		began := time.Now()
		w.create(ask("token", fleet.OnDemand, 1))
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the call took %s, want 2s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.DescribeInstances(ctx, region, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a deadline of a second: %v", err)
		}
	})
}

func TestCallsAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(sim.Faults{Refusals: []sim.Refusal{
		{Region: "eu-west-1", Code: "AuthFailure", Rate: 1},
		{Action: "TerminateInstances", Code: sim.CodeInternal, Rate: 1},
		{Action: "CreateFleet", Code: sim.CodeThrottled, Rate: 0.5},
	}})
	refused := 0
	for range 200 {
		if _, err := w.CreateFleet(t.Context(), ask("", fleet.OnDemand, 1)); code(err) == sim.CodeThrottled {
			refused++
		}
	}
	if refused < 70 || refused > 130 {
		t.Errorf("%d of 200 calls are refused, want about half", refused)
	}
	if _, err := w.DescribeInstances(t.Context(), region, nil); err != nil {
		t.Errorf("an action without a fault: %v", err)
	}
	if _, err := w.verb("terminate", "i-00000000000000000"); code(err) != sim.CodeInternal {
		t.Errorf("terminate = %v", err)
	}
}

func TestSinglePlacesFail(t *testing.T) {
	w := newWorld(t, func(o *sim.Options) { o.Regions = sim.DefaultRegions(1000) })
	w.faults(sim.Faults{FailedPlaces: 0.3})
	a, err := w.Provider(sim.ProviderOptions{Fleet: "f1"}).Launch(t.Context(), provider.Request{
		LaunchID: "l", Site: site(), Market: fleet.Spot, Count: 90, Spec: spec(fleet.Spot),
	})
	failed := 0
	for _, e := range a.Errors {
		failed += e.Count
	}
	if err != nil || failed < 13 || failed > 41 || failed+len(a.Instances) != 90 {
		t.Errorf("%d instances and %d failed places (%v), want about 27 of 90", len(a.Instances), failed, err)
	}
}

func TestPoolsAreFoundEmpty(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(sim.Faults{EmptyPools: 1})
	if a := w.create(ask("", fleet.OnDemand, 2)); len(a.Instances) != 0 || len(a.Errors) != 3 {
		t.Errorf("%d instances and errors %v", len(a.Instances), codes(a))
	}
	if n := w.Room(ask("", fleet.OnDemand, 2)); n != 60 {
		t.Errorf("room for %d, want 60: the pools are not empty", n)
	}
}

func TestNewInstancesAreNotKnownAtOnce(t *testing.T) { // page eventual-consistency
	w := newWorld(t, nil)
	w.faults(sim.Faults{Hidden: 1, HiddenFor: time.Minute})
	p := w.Provider(sim.ProviderOptions{Fleet: "f1"})
	a, err := p.Launch(t.Context(), provider.Request{LaunchID: "l", Site: site(), Market: fleet.Spot, Count: 1, Spec: spec(fleet.Spot)})
	if err != nil {
		t.Fatal(err)
	}
	id := a.Instances[0].ID
	if listed, err := p.List(t.Context(), site()); err != nil || len(listed) != 0 {
		t.Errorf("it is listed: %v, %v", listed, err)
	}
	if _, err := w.DescribeInstances(t.Context(), region, nil, id); code(err) != sim.CodeNotFound {
		t.Errorf("DescribeInstances = %v", err)
	}
	if err := p.Terminate(t.Context(), site(), []string{id}); code(err) != sim.CodeNotFound {
		t.Errorf("Terminate = %v, want an error, since it would live on", err)
	}
	w.clock.Advance(time.Minute)
	if err := p.Terminate(t.Context(), site(), []string{id}); err != nil || w.state(id).Live() {
		t.Errorf("after a minute: %v, and it is %s", err, w.state(id))
	}
}

func TestListingsLag(t *testing.T) { // page eventual-consistency
	w := newWorld(t, nil)
	w.faults(sim.Faults{StaleListings: 1, Lag: 10 * time.Second})
	old := w.one(fleet.OnDemand)
	w.until(old, provider.Running)
	w.clock.Advance(time.Minute)
	fresh := w.one(fleet.OnDemand)
	w.do("terminate", old)
	listed, err := w.DescribeInstances(t.Context(), region, nil)
	if err != nil || len(listed) != 1 || listed[0].ID != old || listed[0].State != provider.Running {
		t.Errorf("it lists %+v, %v, want only %s, running", listed, err, old)
	}
	if _, err := w.DescribeInstances(t.Context(), region, nil, fresh); code(err) != sim.CodeNotFound {
		t.Errorf("DescribeInstances of the new one = %v", err)
	}
	w.clock.Advance(10 * time.Second)
	if listed, err := w.DescribeInstances(t.Context(), region, nil); err != nil || len(listed) != 2 || listed[0].State.Live() {
		t.Errorf("ten seconds later it lists %+v, %v", listed, err)
	}
}

func TestInstancesThatNeverBootSayWhy(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(sim.Faults{NeverBoot: 1})
	p := w.Provider(sim.ProviderOptions{Fleet: "f1"})
	id := w.one(fleet.OnDemand)
	now := w.clock.Advance(time.Hour)
	if up := w.Booted(now); len(up) != 0 || w.state(id) != provider.Running {
		t.Errorf("it booted, or is %s", w.state(id))
	}
	if _, _, err := w.Identity(id, now); err == nil {
		t.Error("nothing runs on it, and it asked who it is")
	}
	log, err := p.ConsoleLog(t.Context(), site(), id)
	if err != nil || !strings.Contains(string(log), "] start 1 of "+id) || strings.Count(string(log), "\n") != 3 {
		t.Errorf("its console says %q, %v", log, err)
	}
	w.faults(sim.Faults{})
	well := w.one(fleet.OnDemand)
	w.clock.Advance(time.Hour)
	w.do("terminate", id)
	for instance, want := range map[string]string{well: " login:", id: "going down (Client.UserInitiatedShutdown)"} {
		if log, err := p.ConsoleLog(t.Context(), site(), instance); err != nil || !strings.Contains(string(log), want) {
			t.Errorf("the console says %q, %v, want %q", log, err, want)
		}
	}
}

func TestInstancesDieAtBirth(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(sim.Faults{DeadAtBirth: 1})
	id := w.one(fleet.OnDemand)
	w.until(id, provider.Terminated)
	if i, _ := w.Instance(id, w.clock.Now()); i.Reason != "Server.InternalError" || i.Boots != 0 {
		t.Errorf("it ended because of %q after %d boots", i.Reason, i.Boots)
	}
}

func TestSlowness(t *testing.T) {
	times := func(f sim.Faults) (running, booted, gone time.Duration) {
		w := newWorld(t, nil)
		w.faults(f)
		id := w.one(fleet.OnDemand)
		running = w.until(id, provider.Running).Sub(start())
		for w.Booted(w.clock.Now()) == nil {
			w.clock.Advance(w.Next(w.clock.Now()).Sub(w.clock.Now()))
		}
		booted = w.clock.Now().Sub(start())
		w.do("terminate", id)
		began := w.clock.Now()
		return running, booted, w.until(id, provider.Terminated).Sub(began)
	}
	running, booted, gone := times(sim.Faults{})
	slowly, late, lingering := times(sim.Faults{SlowStates: 1, SlowBoots: 1})
	for what, pair := range map[string][2]time.Duration{"running": {running, slowly}, "booted": {booted, late}, "gone": {gone, lingering}} {
		if ratio := float64(pair[1]) / float64(pair[0]); ratio < 9.9 || ratio > 10.1 {
			t.Errorf("%s after %s, slowly after %s: want ten times as long", what, pair[0], pair[1])
		}
	}
}

// TestInterruptionsComeAtTheirRate also when the rate changes while instances run.
func TestInterruptionsComeAtTheirRate(t *testing.T) {
	interrupted := func(steps ...float64) int {
		w := newWorld(t, func(o *sim.Options) { o.Regions = sim.DefaultRegions(2000) })
		w.create(ask("", fleet.Spot, 1000))
		for _, perHour := range steps {
			w.faults(sim.Faults{InterruptionsPerHour: perHour})
			w.clock.Advance(30 * time.Minute)
		}
		n := 0
		for _, e := range w.Events(w.clock.Now()) {
			if e.Kind == sim.InterruptionNoticed {
				n++
			}
		}
		return n
	}
	for name, test := range map[string]struct {
		steps     []float64
		low, high int
	}{ // 1 - exp(-rate x time) of 1000
		"none":                      {[]float64{0, 0}, 0, 0},
		"half an hour at 1":         {[]float64{1}, 340, 450},
		"half an hour at 1, then 3": {[]float64{1, 3}, 820, 900},
		"then a pause":              {[]float64{1, 0, 0}, 340, 450},
	} {
		if n := interrupted(test.steps...); n < test.low || n > test.high {
			t.Errorf("%s: %d of 1000 are interrupted, want %d to %d", name, n, test.low, test.high)
		}
	}
}

func TestHintsComeFirstOrAlone(t *testing.T) { // page rebalance-recommendations
	for name, test := range map[string]struct {
		faults                 sim.Faults
		hinted, noticed, ended bool
	}{
		"announced":   {sim.Faults{}, false, true, true},
		"hinted":      {sim.Faults{Hinted: 1}, true, true, true},
		"only hinted": {sim.Faults{Hinted: 1, FalseHints: 1}, true, false, false},
		"unannounced": {sim.Faults{Unannounced: 1, Hinted: 1}, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			test.faults.InterruptionsPerHour = 1
			w.faults(test.faults)
			id := w.one(fleet.Spot)
			w.clock.Advance(100 * time.Hour)
			i, _ := w.Instance(id, w.clock.Now())
			if !i.Rebalance.IsZero() != test.hinted || !i.Interruption.IsZero() != test.noticed || i.State.Live() == test.ended {
				t.Errorf("hint %s, notice %s, and it is %s", i.Rebalance, i.Interruption, i.State)
			}
			if lead := i.Interruption.Sub(i.Rebalance); test.hinted && test.noticed && (lead < 2*time.Minute || lead > 12*time.Minute) {
				t.Errorf("the hint came %s before the end", lead)
			}
		})
	}
}

func TestEventsAreDeliveredAtBestEffort(t *testing.T) {
	count := func(f sim.Faults) (at, later int) {
		w := newWorld(t, nil)
		w.faults(f)
		w.create(ask("", fleet.OnDemand, 50))
		now := w.clock.Advance(30 * time.Second)
		at = len(w.Events(now))
		for next := w.Next(now); !next.IsZero(); next = w.Next(next) {
			now = w.clock.Advance(next.Sub(w.clock.Now()))
		}
		return at, len(w.Events(now))
	}
	if at, later := count(sim.Faults{}); at != 100 || later != 0 { // pending and running
		t.Errorf("%d events at once and %d later, want 100 and 0", at, later)
	}
	if at, later := count(sim.Faults{LostEvents: 1}); at+later != 0 {
		t.Errorf("%d events, want none", at+later)
	}
	if at, later := count(sim.Faults{RepeatedEvents: 1}); at < 100 || at+later != 200 {
		t.Errorf("%d events at once and %d later, want 200", at, later)
	}
	if at, later := count(sim.Faults{LateEvents: 1}); at > 40 || at+later != 100 {
		t.Errorf("%d events at once and %d later, want most of 100 later", at, later)
	}
	silent := newWorld(t, func(o *sim.Options) { o.KeepEvents = false })
	silent.one(fleet.OnDemand)
	if events := silent.Events(silent.clock.Advance(time.Hour)); len(events) != 0 {
		t.Errorf("events that nobody wanted: %v", events)
	}
}

func TestRefusalsAreCopied(t *testing.T) {
	w := newWorld(t, nil)
	refusals := []sim.Refusal{{Code: sim.CodeInternal, Rate: 1}}
	w.faults(sim.Faults{Refusals: refusals})
	refusals[0].Rate = 0
	if _, err := w.DescribeInstances(t.Context(), region, nil); code(err) != sim.CodeInternal {
		t.Errorf("DescribeInstances = %v", err)
	}
	if !slices.Equal(refusals, []sim.Refusal{{Code: sim.CodeInternal}}) {
		t.Error("the caller's slice has changed")
	}
}
