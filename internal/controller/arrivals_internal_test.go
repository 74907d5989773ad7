package controller

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

func TestArrivalsAreMeasuredUpToTheirLaunchOnce(t *testing.T) {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	job := func(n int64) fleet.JobID { return fleet.JobID{Host: "github.test", ID: n} }
	var a arrivals
	for n := range int64(4) {
		end := a.receive(job(n), now.Add(time.Duration(n)*time.Second))
		a.count(job(n), "s", now.Add(5*time.Second))
		end()
	}
	a.count(job(9), "s", now) // learned by asking: there was no delivery
	over := func(ids ...int64) (out []record.QueuedEntry) {
		for _, n := range ids {
			out = append(out, record.QueuedEntry{Job: job(n)})
		}
		return out
	}
	a.decide("s", over(0, 1), now.Add(6*time.Second), []fleet.Launch{{ID: "l-1", Count: 5}}, decision{Launch: 5})
	a.decide("s", over(2), now.Add(7*time.Second), nil, decision{}) // it found a machine, or no room
	if got := a.begin("l-2", now); len(got) != 0 {
		t.Errorf("a launch without deliveries has waits: %v", got)
	}
	if diff := cmp.Diff([]time.Duration{10 * time.Second, 9 * time.Second}, a.begin("l-1", now.Add(10*time.Second))); diff != "" {
		t.Error(diff)
	}
	if got := a.begin("l-1", now.Add(20*time.Second)); len(got) != 0 {
		t.Errorf("a repeat of a launch has waits: %v", got)
	}
	if n := len(a.waiting["s"]); n != 1 {
		t.Errorf("%d arrivals wait for a decision, want 1", n)
	}
	a.decide("s", nil, now.Add(2*time.Minute), nil, decision{})
	if len(a.waiting)+len(a.launches)+len(a.received) != 0 {
		t.Errorf("something is kept of what is over: %+v", a.waiting)
	}
}

func TestABurstIsMeasuredOverSeveralLaunches(t *testing.T) {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	var a arrivals
	var over []record.QueuedEntry
	for n := range int64(5) {
		id := fleet.JobID{Host: "github.test", ID: n}
		a.receive(id, now)
		a.count(id, "s", now)
		over = append(over, record.QueuedEntry{Job: id})
	}
	a.decide("s", over, now, []fleet.Launch{{ID: "l-1", Count: 2}}, decision{Launch: 2})
	a.decide("s", over, now, []fleet.Launch{{ID: "l-2", Count: 1}}, decision{Launch: 1, Limit: "there is room for one more machine only"})
	a.decide("s", over, now, []fleet.Launch{{ID: "l-3", Count: 2}}, decision{Launch: 2}) // after a wait for room
	for launch, want := range map[string]int{"l-1": 2, "l-2": 1, "l-3": 0} {
		if got := len(a.begin(launch, now)); got != want {
			t.Errorf("%s has %d waits, want %d", launch, got, want)
		}
	}
}
