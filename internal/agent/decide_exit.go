package agent

import (
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// Exit codes of the official runner's listener.
const (
	exitDone       = 0
	exitTerminal   = 1
	exitRetryable  = 2
	exitUpdating   = 3
	exitUpdateOnce = 4
	exitConflict   = 5
	exitRefreshed  = 6
	exitDeprecated = 7
	exitResult     = 100 // plus the job's result
)

// meaning is a code in words.
func meaning(code int) string {
	switch {
	case code == exitDone:
		return "exit 0: finished, or its registration was deleted"
	case code == exitTerminal:
		return "exit 1: terminal error, mostly a registration that is gone"
	case code == exitRetryable:
		return "exit 2: GitHub could not be reached"
	case code == exitUpdating, code == exitUpdateOnce:
		return fmt.Sprintf("exit %d: updating itself", code)
	case code == exitConflict:
		return "exit 5: another runner has its session"
	case code == exitRefreshed:
		return "exit 6: its configuration was refreshed"
	case code == exitDeprecated:
		return "exit 7: this version of the runner is deprecated"
	case code >= exitResult && code < 128:
		return fmt.Sprintf("exit %d: the job's result", code)
	case code > 128:
		return fmt.Sprintf("killed by signal %d", code-128)
	default:
		return fmt.Sprintf("exit %d", code)
	}
}

// exited follows the end of the listener's process. The worker was looked for since, so workerStarted is the truth.
func (s state) exited(code int, now time.Time) (state, []action) {
	if !s.live() {
		return s, nil
	}
	stopping := s.stopping
	s.exitCode, s.stopping = &code, ""
	s.note(phaseStopped, now, meaning(code))
	if s.workerStarted {
		s.phase(phaseJobEnded, now, meaning(code))
		s.listener, s.stage, s.stageAt = agentapi.ListenerStopped, lingering, now
		return s, []action{report{}}
	}
	if stopping == "" && !s.refused && s.again(code, now) {
		return s, []action{report{}}
	}
	s.listener = agentapi.ListenerStopped
	switch {
	case s.refused:
		return s.leave("refused by the control plane")
	case s.draining:
		return s.finish(now)
	case code == exitDeprecated:
		return s.failed("the runner's version is deprecated: a newer one is needed ("+meaning(code)+")", now)
	default:
		return s, []action{keepLogs{}, report{}}
	}
}

// again plans another start with the same JIT config where the code says that one may succeed, a bounded number of
// times: a registration that is gone makes exit 2 repeat for ever (runner issue 3822).
func (s *state) again(code int, now time.Time) bool {
	if s.attempts >= s.limits.Attempts {
		return false
	}
	switch code {
	case exitRetryable:
		s.retryAt = now.Add(s.limits.Retry)
	case exitUpdating, exitUpdateOnce:
		s.retryAt = now.Add(s.limits.Update)
	default:
		return false
	}
	s.listener = agentapi.ListenerStarting
	return true
}
