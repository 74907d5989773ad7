package fleet_test

import (
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

func TestHeldFor(t *testing.T) { // failure mode N9
	// rule 1.3
	base := fleet.Machine{Demand: "d", Lease: at(60), Launched: at(0)}
	with := func(f func(*fleet.Machine)) fleet.Machine {
		m := base
		f(&m)
		return m
	}
	tests := []struct {
		name string
		m    fleet.Machine
		now  int
		held bool
	}{
		{"assigned under a live lease", with(func(m *fleet.Machine) { m.State = fleet.MachineAssigned }), 59, true},
		{"assigned after its lease", with(func(m *fleet.Machine) { m.State = fleet.MachineAssigned }), 60, false},
		{"listening under a live lease", with(func(m *fleet.Machine) { m.State = fleet.MachineListening }), 59, true},
		{"retired before a worker started", with(func(m *fleet.Machine) { m.State = fleet.MachineRetiring }), 1, false},
		{"its worker started, lease or not", with(func(m *fleet.Machine) { m.State, m.WorkerStarted = fleet.MachineWorking, at(1) }), 500, true},
		{"a goodbye alone does not end the hold", with(func(m *fleet.Machine) { m.State, m.WorkerStarted = fleet.MachineGone, at(1) }), 500, true},
		{"GitHub named its job", with(func(m *fleet.Machine) { m.State, m.WorkerStarted, m.Job = fleet.MachineGone, at(1), 5 }), 500, false},
		{"a full listing ended it", with(func(m *fleet.Machine) { m.State, m.WorkerStarted, m.HoldEnded = fleet.MachineWorking, at(1), true }), 5, false},
		{"ready", with(func(m *fleet.Machine) { m.State, m.Demand = fleet.MachineReady, "" }), 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.m.HeldFor(at(tt.now)) == "d"; got != tt.held {
				t.Errorf("held = %v, want %v", got, tt.held)
			}
			if tt.held && !tt.m.Count().Counts() {
				t.Error("a machine that is held has no entry for decisions to read")
			}
		})
	}
}

func TestMayRegister(t *testing.T) {
	// rule 4.4
	handed := fleet.Runner{Name: "n", HandedOut: at(1)}
	burnt := fleet.Runner{Name: "n"}
	tests := []struct {
		name           string
		runners        []fleet.Runner
		word           bool
		allowed, spent bool
	}{
		{"none yet", nil, false, true, false},
		{"a burnt name", []fleet.Runner{burnt}, false, true, false},
		{"handed out", []fleet.Runner{handed}, false, false, false},
		{"handed out, with the agent's word", []fleet.Runner{handed}, true, true, false},
		{"two handed out", []fleet.Runner{handed, handed}, true, false, true},
		{"two handed out, the agent silent", []fleet.Runner{handed, handed}, false, false, false},
		{"five names", []fleet.Runner{burnt, burnt, burnt, burnt, burnt}, false, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := fleet.Machine{State: fleet.MachineAssigned, Runners: tt.runners, Word: tt.word}
			allowed, spent := m.MayRegister()
			if allowed != tt.allowed || spent != tt.spent {
				t.Errorf("allowed, spent = %v, %v; want %v, %v", allowed, spent, tt.allowed, tt.spent)
			}
		})
	}
	m := fleet.Machine{State: fleet.MachineAssigned, WorkerStarted: at(1), Word: true}
	if allowed, _ := m.MayRegister(); allowed {
		t.Error("a machine whose worker started may register again")
	}
}

func TestLaunchRepeats(t *testing.T) { // failure modes D16, N16
	// rule 2.2: after 5 s, then with back-off
	l := fleet.Launch{Created: at(0), Count: 2}
	for _, want := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} {
		l = l.Called(at(0))
		if got := l.NextCall.Sub(at(0)); got != want {
			t.Errorf("call %d is repeated after %s, want %s", l.Calls, got, want)
		}
	}
	if l.Unanswered(at(59)) || !l.Unanswered(at(60)) { // rule 1.6
		t.Error("a launch stops counting at 60 s without an answer")
	}
	l.Attached, l.Failed = 1, 1
	if !l.Settled() || l.Outstanding() != 0 {
		t.Error("a launch with a machine or an error for every place is settled")
	}
}

func TestPlaceBackoff(t *testing.T) {
	// rule 2.6: 15 s doubling to 5 minutes
	for n, want := range []time.Duration{15, 30, 60, 120, 240, 300, 300} {
		if got := fleet.PlaceBackoff(n); got != want*time.Second {
			t.Errorf("failure %d rests for %s, want %ds", n+1, got, want)
		}
	}
}

func TestMatches(t *testing.T) { // failure mode O5
	tests := []struct {
		runner, job []string
		want        bool
	}{
		{[]string{"a", "b"}, []string{"a"}, true},
		{[]string{"a"}, []string{"a", "b"}, false},
		{[]string{"a"}, nil, true},
	}
	for _, tt := range tests {
		if got := fleet.Matches(tt.runner, tt.job); got != tt.want {
			t.Errorf("Matches(%v, %v) = %v", tt.runner, tt.job, got)
		}
	}
}

func TestMintRefusedBacksOff(t *testing.T) {
	// rule 4.6: 30 s doubling to 15 minutes
	var d fleet.DemandState
	for _, want := range []time.Duration{30, 60, 120, 240, 480, 900, 900} {
		d = d.MintRefused("no", at(0))
		if got := d.RefusedUntil.Sub(at(0)); got != want*time.Second {
			t.Errorf("refusal %d backs off %s, want %ds", d.Refusals, got, want)
		}
	}
}
