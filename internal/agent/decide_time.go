package agent

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// passed applies every bound of time, the most pressing first.
func (s state) passed(now time.Time) (state, []action) {
	silent := now.Sub(s.renewed)
	switch {
	case s.stopping != "":
		return s.escalate(now)
	case s.live():
		return s.watch(silent, now)
	case !s.retryAt.IsZero():
		if silent > s.stopAfter {
			return s.stop("the lease cannot be renewed", now)
		}
		if !now.Before(s.retryAt) {
			return s.start(now)
		}
		return s, nil
	case s.stage == lingering:
		waited := now.Sub(s.stageAt)
		if waited >= s.limits.Linger && (!s.workerRunning || waited >= s.limits.Orphan) {
			return s.finish(now)
		}
		return s, nil
	case s.stage == finished:
		if now.Sub(s.stageAt) >= s.limits.Goodbye {
			return s.leave("nobody ended the machine after its goodbye")
		}
		return s, nil
	case s.keeping:
		return s, nil
	case silent >= s.limits.Silence:
		return s.leave("the control plane cannot be reached")
	default:
		return s, nil
	}
}

// watch is the watchdog of a running listener.
func (s state) watch(silent time.Duration, now time.Time) (state, []action) {
	switch {
	case s.workerStarted:
		limit := s.assignment.MaxRuntime
		if limit > 0 && now.Sub(s.workerAt) >= limit {
			s.stopping, s.stopAt, s.escalated, s.overtime = "the job is over its maximum runtime", now, 0, true
			s.note(phaseStopping, now, s.stopping)
			return s, []action{sendSignal{Interrupt}}
		}
		return s, nil
	case silent > s.stopAfter: // rule 3.3
		return s.stop("the lease cannot be renewed", now)
	case s.listener == agentapi.ListenerStarting && now.Sub(s.startedAt) >= s.limits.Connect: // rule 4.5
		return s.stop("it did not connect in "+s.limits.Connect.String(), now)
	case s.listener == agentapi.ListenerConnected && now.Sub(s.connected) >= s.limits.Idle:
		return s.stop("it got no job in "+s.limits.Idle.String(), now)
	default:
		return s, nil
	}
}

// escalate presses a listener that was told to stop. A worker that started meanwhile is spared, except by the end of its
// own maximum runtime.
func (s state) escalate(now time.Time) (state, []action) {
	if s.workerStarted && !s.overtime {
		s.stopping = ""
		return s, []action{report{}}
	}
	terminate, kill := s.limits.Terminate, s.limits.Kill
	if s.overtime {
		terminate, kill = s.limits.Overtime, s.limits.OvertimeKill
	}
	waited := now.Sub(s.stopAt)
	switch {
	case s.escalated < 0 && waited >= 0:
		s.escalated = 0
		return s, []action{sendSignal{Interrupt}}
	case s.escalated == 0 && waited >= terminate:
		s.escalated = 1
		return s, []action{sendSignal{Terminate}}
	case s.escalated == 1 && waited >= kill:
		s.escalated = 2
		return s, []action{sendSignal{Kill}}
	default:
		return s, nil
	}
}
