package controller

import (
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Why machines are retired, as their histories say it.
const (
	textUnneeded      = "no job needs it any more"
	textOutnumbered   = "its demand has fewer queued jobs than runners"
	textDraining      = "the fleet is draining"
	textKilled        = "an operator killed it"
	textSpent         = "its registrations are used up"
	textUnmatched     = "it listened for a minute and GitHub gave it none of the queued jobs"
	textNoWorker      = "GitHub gave it a job, but no worker started within a minute"
	textJobEnded      = "its job has ended"
	textAgentIdle     = "its job ended and its agent says nothing of a worker"
	textRunnerEnded   = "its runner ended without a job"
	textListenerEnded = "its registration ended before GitHub gave it a job"
	textOverrun       = "its job is over its maximum runtime" // the time follows
	textSilent        = "its agent has not been heard of"     // since when follows
)

// EndReason is why a machine ended, for metrics.
type EndReason string

// The reasons.
const (
	EndJobEnded      EndReason = "job_ended"
	EndUnneeded      EndReason = "unneeded"       // surplus for 60 s (rule 1.10)
	EndOutnumbered   EndReason = "outnumbered"    // its demand has fewer jobs than runners (rule 1.10)
	EndDraining      EndReason = "draining"       // or killed by an operator
	EndListenerEnded EndReason = "listener_ended" // its registration or its runner ended without a job
	EndSpent         EndReason = "spent"          // every registration that it may have was used (rule 4.4)
	EndUnmatched     EndReason = "unmatched"      // GitHub gave it none of the queued jobs (rule 5.6)
	EndNoWorker      EndReason = "no_worker"      // rule 5.5
	EndOverrun       EndReason = "overrun"        // its job was over its maximum runtime
	EndSilent        EndReason = "silent"         // its lease expired (rule 3.5)
	EndFailed        EndReason = "failed"         // it did not boot, or its agent said that it cannot work
	EndLost          EndReason = "lost"           // the provider said that it has ended
	EndOther         EndReason = "other"
)

// EndReasons lists them all.
func EndReasons() []EndReason {
	return []EndReason{
		EndJobEnded, EndUnneeded, EndOutnumbered, EndDraining, EndListenerEnded, EndSpent, EndUnmatched, EndNoWorker, EndOverrun,
		EndSilent, EndFailed, EndLost, EndOther,
	}
}

// endReason finds the reason of a machine's end. lost says that the provider told of it. Pure.
func endReason(m fleet.Machine, lost bool) EndReason {
	switch {
	case m.Code != "":
		return EndFailed
	case m.Retire == nil && lost:
		return EndLost
	case m.Retire == nil:
		return EndOther
	}
	switch text := m.Retire.Reason; text {
	case textUnneeded:
		return EndUnneeded
	case textOutnumbered:
		return EndOutnumbered
	case textDraining, textKilled:
		return EndDraining
	case textSpent:
		return EndSpent
	case textUnmatched:
		return EndUnmatched
	case textNoWorker:
		return EndNoWorker
	case textJobEnded, textAgentIdle:
		return EndJobEnded
	case textRunnerEnded, textListenerEnded:
		return EndListenerEnded
	default:
		switch {
		case strings.HasPrefix(text, textOverrun):
			return EndOverrun
		case strings.HasPrefix(text, textSilent):
			return EndSilent
		default:
			return EndOther
		}
	}
}

// worked says whether a machine ran a job, as GitHub or its agent told.
func worked(m fleet.Machine) bool { return m.Job != 0 || !m.WorkerStarted.IsZero() }
