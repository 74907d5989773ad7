package controller

import (
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// renewBelow is how much of a lease may be left before it is written again: every 20 s at most (rule 3.2).
const renewBelow = fleet.LeaseLocal - fleet.RenewLocal

// applyReport brings an agent's report into its machine's row. Pure; changed says that the row must be written.
func applyReport(m fleet.Machine, r agentapi.Report, now time.Time) (next fleet.Machine, changed bool) {
	if r.Sequence < m.Sequence || !m.Live() {
		return m, false // a newer report has been applied: this one says nothing new
	}
	before := m
	if m.Lease.Sub(now) < renewBelow {
		m.Lease = now.Add(fleet.LeaseLocal)
		changed = true
	}
	for _, p := range r.Phases {
		m.History = addPhase(m.History, p)
	}
	if r.Failure != "" && m.Code == "" && (m.Retire == nil || !m.Retire.Cleared) {
		m = retiring(m, r.Failure, now)
		m.Code, m.Retire.Cleared = "AgentFailed", true
		m.Diagnostics = r.Diagnostics
		return m, true
	}
	m = applyWorker(m, r, now)
	m = applyListener(m, r, now)
	if r.Done && (m.Retire == nil || !m.Retire.Goodbye) {
		reason := textJobEnded
		if m.WorkerStarted.IsZero() {
			reason = textRunnerEnded
		}
		m = retiring(m, reason, now)
		m.Retire.Goodbye = true
		m.WorkerRunning = false
	}
	changed = changed || reportChanged(before, m)
	if changed {
		m.Sequence = r.Sequence
		if r.Diagnostics != "" {
			m.Diagnostics = r.Diagnostics
		}
	}
	return m, changed
}

func reportChanged(a, b fleet.Machine) bool {
	confirmed := func(m fleet.Machine) bool { return m.Retire != nil && m.Retire.Confirmed }
	return a.State != b.State || a.Word != b.Word || !a.Connected.Equal(b.Connected) || !a.WorkerStarted.Equal(b.WorkerStarted) ||
		a.WorkerRunning != b.WorkerRunning || len(a.History) != len(b.History) || confirmed(a) != confirmed(b)
}

// applyWorker notes a worker: whatever was planned for the machine, it works now (rule 6.1).
func applyWorker(m fleet.Machine, r agentapi.Report, now time.Time) fleet.Machine {
	if !r.WorkerStarted || !m.Named(r.Runner) {
		return m
	}
	if m.WorkerStarted.IsZero() {
		m.WorkerStarted = now
	}
	m.WorkerRunning = r.WorkerRunning
	switch m.State {
	case fleet.MachineAssigned, fleet.MachineListening:
		return m.To(fleet.MachineWorking, now, "Its worker has started.")
	case fleet.MachineRetiring:
		if r.WorkerRunning && m.Retire != nil && !m.Retire.Goodbye && !m.Retire.Cleared {
			m.Retire = nil
			return m.To(fleet.MachineWorking, now, "It was to end, but its worker had started.")
		}
	default:
	}
	return m
}

// applyListener notes the listener's life: connected, or the agent's word that it is stopped and no worker ever started
// (rules 4.4, 6.1). A report sent before the hand-out says nothing about it.
func applyListener(m fleet.Machine, r agentapi.Report, now time.Time) fleet.Machine {
	newest := m.Newest()
	if newest == nil || newest.HandedOut.IsZero() {
		if m.State == fleet.MachineRetiring && !r.WorkerStarted {
			return confirm(m)
		}
		return m
	}
	if r.Runner == newest.Name && r.Listener == agentapi.ListenerConnected {
		m.Word = false
		if m.Connected.IsZero() || m.Connected.Before(newest.HandedOut) {
			m.Connected = now
		}
		if m.State == fleet.MachineAssigned {
			m.NextMatch = now.Add(fleet.MatchIn)
			m = m.To(fleet.MachineListening, now, "Its runner "+newest.Name+" listens for jobs.")
		}
		return m
	}
	stopped := r.Listener == agentapi.ListenerNone || r.Listener == agentapi.ListenerStopped
	if !stopped || r.WorkerStarted || r.Sequence <= newest.Sequence || !m.WorkerStarted.IsZero() {
		return m
	}
	if !m.Word {
		m.Word = true
		m.History = m.History.Add(now, "stopped", stoppedText(newest.Name, r))
	}
	switch m.State {
	case fleet.MachineListening:
		m = retiring(m, textListenerEnded, now)
		return confirm(m)
	case fleet.MachineRetiring:
		return confirm(m)
	default:
		return m
	}
}

func stoppedText(name string, r agentapi.Report) string {
	if r.Runner != name {
		return "The agent never received the registration " + name + "."
	}
	if r.ExitCode != nil {
		return fmt.Sprintf("Runner %s ended with code %d and never had a job.", name, *r.ExitCode)
	}
	return "Runner " + name + " is stopped and never had a job."
}

// confirm notes the agent's word on a machine that is to end.
func confirm(m fleet.Machine) fleet.Machine {
	if m.Retire != nil && !m.Retire.Confirmed {
		r := *m.Retire
		r.Confirmed = true
		m.Retire = &r
	}
	return m
}

func addPhase(h fleet.History, p agentapi.Phase) fleet.History {
	kind := "agent: " + p.Name
	for _, e := range h {
		if e.Kind == kind && e.At.Equal(p.At) {
			return h
		}
	}
	text := p.Detail
	if text == "" {
		text = p.Name
	}
	return h.Add(p.At, kind, text)
}

// orders says what the agent is to do. Pure. mint says that it is to be registered now.
func orders(m fleet.Machine, now time.Time) (o agentapi.Orders, mint, spent bool) {
	switch {
	case !m.Live():
		return agentapi.Orders{Command: agentapi.CommandPowerOff}, false, false
	case m.State == fleet.MachineRetiring:
		if m.Retire != nil && (m.Retire.Confirmed || m.Retire.Goodbye) {
			return agentapi.Orders{}, false, false // the provider ends it
		}
		return agentapi.Orders{Command: agentapi.CommandStop}, false, false
	case m.State != fleet.MachineAssigned:
		return agentapi.Orders{}, false, false
	}
	mint, spent = m.MayRegister()
	newest := m.Newest()
	if !mint && !spent && newest != nil && !newest.HandedOut.IsZero() && now.Sub(newest.HandedOut) >= fleet.ConnectIn {
		return agentapi.Orders{Command: agentapi.CommandStop}, false, false // rule 4.5
	}
	return agentapi.Orders{}, mint, spent
}
