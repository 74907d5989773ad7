package controller

import (
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

func handedOut() fleet.Machine {
	return fleet.Machine{
		ID: machineID(1), State: fleet.MachineAssigned, Demand: "d", Lease: sec(60), Assigned: sec(0), Launched: sec(0),
		Runners: []fleet.Runner{{Name: "n1", Written: sec(1), HandedOut: sec(2), Sequence: 5}},
	}
}

func TestApplyReport(t *testing.T) { // failure modes A8, B8, C5, F7
	code := 0
	end := func(m fleet.Machine) fleet.Machine { return retiring(m, "surplus", sec(3)) }
	tests := []struct {
		name  string
		m     fleet.Machine
		r     agentapi.Report
		check func(fleet.Machine) bool
	}{
		{
			"rule 3.2: the lease is renewed", handedOut(),
			agentapi.Report{Sequence: 6, Runner: "n1", Listener: agentapi.ListenerStarting},
			func(m fleet.Machine) bool { return m.Lease.Equal(sec(30+60)) && m.State == fleet.MachineAssigned },
		},
		{
			"connected: listening", handedOut(),
			agentapi.Report{Sequence: 6, Runner: "n1", Listener: agentapi.ListenerConnected},
			func(m fleet.Machine) bool {
				return m.State == fleet.MachineListening && m.NextMatch.Equal(sec(30+60)) && !m.Word
			},
		},
		{
			"worker started: working", handedOut(),
			agentapi.Report{Sequence: 6, Runner: "n1", Listener: agentapi.ListenerConnected, WorkerStarted: true, WorkerRunning: true},
			func(m fleet.Machine) bool {
				return m.State == fleet.MachineWorking && m.WorkerStarted.Equal(sec(30)) && m.WorkerRunning
			},
		},
		{
			"rule 4.4: the agent's word after the hand-out", handedOut(),
			agentapi.Report{Sequence: 6, Runner: "n1", Listener: agentapi.ListenerStopped, ExitCode: &code},
			func(m fleet.Machine) bool { return m.Word && m.State == fleet.MachineAssigned },
		},
		{
			"rule 4.4: the answer was lost", handedOut(),
			agentapi.Report{Sequence: 6, Listener: agentapi.ListenerNone},
			func(m fleet.Machine) bool { return m.Word },
		},
		{
			"rule 4.4: a report older than the hand-out says nothing", handedOut(),
			agentapi.Report{Sequence: 5, Listener: agentapi.ListenerNone},
			func(m fleet.Machine) bool { return !m.Word },
		},
		{
			"rule 6.1: the agent confirms", end(handedOut()),
			agentapi.Report{Sequence: 6, Runner: "n1", Listener: agentapi.ListenerStopped},
			func(m fleet.Machine) bool { return m.Retire.Confirmed && m.State == fleet.MachineRetiring },
		},
		{
			"rule 6.1: a starting listener is no confirmation", end(handedOut()),
			agentapi.Report{Sequence: 6, Runner: "n1", Listener: agentapi.ListenerStarting},
			func(m fleet.Machine) bool { return !m.Retire.Confirmed },
		},
		{
			"rule 6.1: its worker had started: back to working", end(handedOut()),
			agentapi.Report{Sequence: 6, Runner: "n1", Listener: agentapi.ListenerConnected, WorkerStarted: true, WorkerRunning: true},
			func(m fleet.Machine) bool { return m.State == fleet.MachineWorking && m.Retire == nil },
		},
		{
			"rule 6.3: the goodbye", handedOut(),
			agentapi.Report{Sequence: 6, Runner: "n1", Listener: agentapi.ListenerStopped, WorkerStarted: true, Done: true},
			func(m fleet.Machine) bool { return m.State == fleet.MachineRetiring && m.Retire.Goodbye },
		},
		{
			"an agent that cannot serve", handedOut(),
			agentapi.Report{Sequence: 6, Failure: "no runner to be had"},
			func(m fleet.Machine) bool {
				return m.State == fleet.MachineRetiring && m.Code != "" && m.Retire.Cleared
			},
		},
		{
			"a runner that is not ours is not believed", handedOut(),
			agentapi.Report{Sequence: 6, Runner: "x", Listener: agentapi.ListenerConnected, WorkerStarted: true},
			func(m fleet.Machine) bool { return m.State == fleet.MachineAssigned && m.WorkerStarted.IsZero() },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, changed := applyReport(tt.m, tt.r, sec(30))
			if !tt.check(m) {
				t.Errorf("machine is now %+v", m)
			}
			if !changed {
				t.Error("the row would not be written")
			}
		})
	}
}

func TestOldReportsChangeNothing(t *testing.T) {
	m := handedOut()
	m.State, m.Sequence, m.WorkerStarted, m.WorkerRunning = fleet.MachineWorking, 9, sec(5), true
	if got, changed := applyReport(m, agentapi.Report{Sequence: 8, Runner: "n1", WorkerStarted: true}, sec(30)); changed || !got.WorkerRunning {
		t.Error("a report older than one already applied changed the row")
	}
}

func TestOrders(t *testing.T) {
	fresh := fleet.Machine{State: fleet.MachineAssigned}
	confirmed := retiring(handedOut(), "surplus", sec(3))
	confirmed.Retire.Confirmed = true
	tests := []struct {
		name        string
		m           fleet.Machine
		now         int
		want        agentapi.Command
		mint, spent bool
	}{
		{"ready waits", fleet.Machine{State: fleet.MachineReady}, 1, agentapi.CommandNone, false, false},
		{"assigned registers", fresh, 1, agentapi.CommandNone, true, false},
		{"handed out waits", handedOut(), 50, agentapi.CommandNone, false, false},
		{"rule 4.5: not connected for 90 s", handedOut(), 92, agentapi.CommandStop, false, false},
		{"retiring stops", retiring(handedOut(), "surplus", sec(3)), 4, agentapi.CommandStop, false, false},
		{"confirmed waits for the provider", confirmed, 4, agentapi.CommandNone, false, false},
		{"gone powers off", fleet.Machine{State: fleet.MachineGone}, 4, agentapi.CommandPowerOff, false, false},
		{"working waits", fleet.Machine{State: fleet.MachineWorking}, 4, agentapi.CommandNone, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, mint, spent := orders(tt.m, sec(tt.now))
			if o.Command != tt.want || mint != tt.mint || spent != tt.spent {
				t.Errorf("orders = %q, mint %v, spent %v; want %q, %v, %v", o.Command, mint, spent, tt.want, tt.mint, tt.spent)
			}
		})
	}
}

func TestFirstLook(t *testing.T) {
	silent := retiring(handedOut(), "silent", sec(61))
	asked := retiring(handedOut(), "silent", sec(61))
	asked.Retire.Answered, asked.Retire.Silent = sec(125), true
	confirmed := retiring(handedOut(), "surplus", sec(61))
	confirmed.Retire.Confirmed = true
	listening := handedOut()
	listening.State, listening.NextMatch = fleet.MachineListening, sec(50)
	unattributed := handedOut()
	unattributed.State, unattributed.WorkerStarted, unattributed.WorkerRunning = fleet.MachineWorking, sec(10), true
	named := handedOut()
	named.State, named.Job, named.JobNamed = fleet.MachineWorking, 4, sec(-20)
	ended := named
	ended.WorkerStarted, ended.JobEnded = sec(1), sec(-10)
	overlong := named
	overlong.WorkerStarted, overlong.WorkerRunning, overlong.MaxRuntime, overlong.Lease = sec(1), true, time.Minute, sec(10_000)
	again := retiring(handedOut(), "surplus", sec(61))
	again.Retire.Confirmed = true
	again.Again = sec(90)
	stray := handedOut()
	stray.State, stray.Ended = fleet.MachineGone, sec(70)
	tests := []struct {
		name string
		m    fleet.Machine
		at   int
		what look
	}{
		{"boot", fleet.Machine{State: fleet.MachineStarting, Launched: sec(0)}, 300, lookBoot},
		{"boot of Windows", fleet.Machine{State: fleet.MachineStarting, Launched: sec(0), OS: fleet.Windows}, 900, lookBoot},
		{"rule 3.5: the lease", handedOut(), 60, lookLease},
		{"rule 5.6: listening", listening, 50, lookMatch},
		{"rule 1.4: unattributed for 15 s", unattributed, 25, lookListing},
		{"rule 5.5: attributed, no worker", named, 40, lookWorker},
		{"rule 6.3: 60 s after completed", ended, 50, lookEnded},
		{"rule 6.3: the maximum runtime", overlong, 1 + 60 + 300, lookRuntime},
		{"rule 6.2: DELETE 60 s after the lease", silent, 120, lookDelete},
		{"rule 6.2: GETs 120 s after that answer", asked, 245, lookGets},
		{"rule 6.1: confirmed, DELETE at once", confirmed, 61, lookDelete},
		{"what failed is tried again later", again, 90, lookDelete},
		{"registrations of a machine that is gone", stray, 70, lookDelete},
		{"nothing is due for a machine that is gone", fleet.Machine{State: fleet.MachineGone}, 0, lookNothing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, what := firstLook(tt.m)
			if what != tt.what || what != lookNothing && !got.Equal(sec(tt.at)) {
				t.Errorf("look %d at %s, want %d at %s", what, got.Format(time.TimeOnly), tt.what, sec(tt.at).Format(time.TimeOnly))
			}
		})
	}
}

func TestEveryLiveStateHasAMaximumAge(t *testing.T) { // failure modes C7, F2
	for _, s := range []fleet.MachineState{
		fleet.MachineStarting, fleet.MachineReady, fleet.MachineAssigned, fleet.MachineListening, fleet.MachineWorking, fleet.MachineRetiring,
	} {
		m := fleet.Machine{State: s, Launched: sec(0), Since: sec(0), Lease: sec(60), JobNamed: sec(0)}
		if s == fleet.MachineRetiring {
			m.Retire = &fleet.Retirement{}
		}
		if _, what := firstLook(m); what == lookNothing {
			t.Errorf("nothing ever looks at a machine that is %s", s)
		}
	}
	for _, s := range []fleet.JobState{fleet.JobWaiting, fleet.JobQueued, fleet.JobInProgress} {
		if nextJobLook(fleet.Job{State: s, Created: sec(0)}).IsZero() {
			t.Errorf("nothing ever looks at a job that is %s", s)
		}
	}
}
