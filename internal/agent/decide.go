package agent

import (
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// Names of the phases, which are rows of a job's history.
const (
	phaseBoot      = "boot"
	phaseHello     = "hello"
	phaseFolder    = "folder ready"
	phaseStarted   = "listener started"
	phaseConnected = "connected"
	phaseJob       = "job started"
	phaseJobEnded  = "job ended"
	phaseStopping  = "listener stopping"
	phaseStopped   = "listener stopped"
	phaseFailed    = "failed"
)

// decide is the agent: what follows from one event at a time.
func decide(s state, e event, now time.Time) (state, []action) {
	s.phases = slices.Clone(s.phases)
	if s.stage == ended {
		return s, nil
	}
	switch e := e.(type) {
	case ordered:
		return s.ordered(e, now)
	case refusedByServer:
		s.refused = true
		if s.busy() { // the machine may be none of the control plane's any more, but its job is still GitHub's
			return s, nil
		}
		return s.leave(e.reason)
	case startFailed:
		return s.failed(e.reason, now)
	case listenerSaid:
		return s.said(e.news, now)
	case listenerExited:
		return s.exited(e.code, now)
	case observed:
		return s.observed(e.now, now)
	case logsKept:
		return s.kept(e.tail, now)
	case passed:
		return s.passed(now)
	default:
		return s, nil
	}
}

func (s state) ordered(e ordered, now time.Time) (state, []action) {
	if e.begun.After(s.renewed) {
		s.renewed = e.begun
	}
	switch e.orders.Command {
	case agentapi.CommandAssign:
		return s.assigned(e.orders.Assignment, now)
	case agentapi.CommandStop:
		return s.stop("ordered by the control plane", now)
	case agentapi.CommandDrain:
		s.draining = true
		if s.live() || !s.retryAt.IsZero() {
			return s.stop("draining", now)
		}
		if s.stage == serving && !s.workerStarted {
			return s.finish(now)
		}
		return s, nil
	case agentapi.CommandPowerOff:
		return s.leave("ordered by the control plane")
	case agentapi.CommandNone:
		return s, nil
	default: // a newer control plane's; it will see from the report that nothing came of it
		return s, nil
	}
}

// assigned starts a listener, once per registration, unless this machine has had or may have a job (rule 4.4).
func (s state) assigned(a *agentapi.Assignment, now time.Time) (state, []action) {
	if a == nil || a.Runner == "" || a.Runner == s.assignment.Runner {
		return s, nil // a repeated order is done already
	}
	if s.stage != serving || s.draining || s.workerStarted || s.failure != "" || s.live() || !s.retryAt.IsZero() {
		return s, nil
	}
	s.assignment, s.attempts, s.exitCode, s.diagnostics = *a, 0, nil, ""
	return s.start(now)
}

func (s state) start(now time.Time) (state, []action) {
	s.attempts++
	s.listener, s.startedAt, s.connected, s.retryAt = agentapi.ListenerStarting, now, time.Time{}, time.Time{}
	s.stopping, s.escalated, s.overtime = "", 0, false
	s.note(phaseStarted, now, s.assignment.Runner)
	return s, []action{startListener{s.assignment}, report{}}
}

// stop ends the listener, unless a worker runs or ran.
func (s state) stop(why string, now time.Time) (state, []action) {
	if s.workerStarted || s.stopping != "" {
		return s, nil
	}
	if !s.retryAt.IsZero() { // between two attempts there is no process
		s.retryAt, s.listener = time.Time{}, agentapi.ListenerStopped
		s.note(phaseStopped, now, why)
		if s.draining {
			return s.finish(now)
		}
		return s, []action{report{}}
	}
	if !s.live() {
		return s, nil
	}
	s.stopping, s.stopAt, s.escalated = why, now, 0
	s.note(phaseStopping, now, why)
	return s, []action{sendSignal{Interrupt}}
}

func (s state) said(news Saying, now time.Time) (state, []action) {
	switch news {
	case SaysListening:
		return s.nowConnected(now)
	case SaysRunning: // the worker process itself is what counts; this makes the look at it immediate
		return s.nowConnected(now)
	case SaysCompleted:
		if s.workerStarted {
			s.phase(phaseJobEnded, now, "")
		}
		return s, nil
	case SaysLost:
		if s.stopping == "" && !s.workerStarted && s.live() {
			// It is given time to exit by itself: the first signal follows as an escalation.
			s.stopping, s.stopAt, s.escalated = "its registration is gone", now.Add(s.limits.Lost), -1
			s.note(phaseStopping, now, s.stopping)
		}
		return s, nil
	case SaysNothing:
		return s, nil
	default:
		return s, nil
	}
}

func (s state) nowConnected(now time.Time) (state, []action) {
	if s.listener != agentapi.ListenerStarting || !s.retryAt.IsZero() {
		return s, nil
	}
	s.listener, s.connected = agentapi.ListenerConnected, now
	s.phase(phaseConnected, now, "")
	return s, []action{report{}}
}

func (s state) observed(o Observation, now time.Time) (state, []action) {
	var actions []action
	if (o.WorkerEver || o.WorkerRunning) && !s.workerStarted && s.assignment.Runner != "" {
		s.workerStarted, s.workerAt = true, now
		if s.listener == agentapi.ListenerStarting && s.live() {
			s.listener, s.connected = agentapi.ListenerConnected, now
		}
		s.phase(phaseConnected, now, "")
		s.phase(phaseJob, now, s.assignment.Runner)
		actions = append(actions, report{})
	}
	if o.WorkerRunning != s.workerRunning {
		s.workerRunning = o.WorkerRunning
		if !o.WorkerRunning && s.workerStarted {
			s.phase(phaseJobEnded, now, "")
		}
		actions = append(actions, report{})
	}
	if o.Updated && !s.retryAt.IsZero() && s.retryAt.After(now) {
		s.retryAt = now
	}
	if s.stage == lingering && o.Alone {
		next, more := s.finish(now)
		return next, append(actions, more...)
	}
	return s, actions
}

// finish begins the goodbye.
func (s state) finish(now time.Time) (state, []action) {
	if s.stage >= finished || s.keeping {
		return s, nil
	}
	s.keeping = true
	s.stageAt = now
	return s, []action{keepLogs{}}
}

func (s state) kept(tail string, now time.Time) (state, []action) {
	s.diagnostics = agentapi.Clip(tail, agentapi.MaxDiagnostics)
	if !s.keeping {
		return s, []action{report{}}
	}
	s.keeping = false
	s.stage, s.stageAt = finished, now
	if s.refused {
		return s.leave("refused by the control plane")
	}
	return s, []action{report{}}
}

// failed makes the machine useless and says why.
func (s state) failed(why string, now time.Time) (state, []action) {
	s.failure = why
	s.note(phaseFailed, now, why)
	if s.live() || !s.retryAt.IsZero() {
		s.listener, s.retryAt = agentapi.ListenerStopped, time.Time{}
	}
	return s.finish(now)
}

// leave ends the machine at once: what still runs dies with the agent's process namespace.
func (s state) leave(why string) (state, []action) {
	var actions []action
	if s.live() {
		actions = append(actions, sendSignal{Kill})
	}
	if s.stage < finished {
		actions = append(actions, keepLogs{})
	}
	s.stage = ended
	return s, append(actions, leave{why})
}
