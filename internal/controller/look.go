package controller

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// look is what is done with a machine when its time has come.
type look int

const (
	lookNothing   look = iota
	lookBoot           // it did not boot in time (section 9)
	lookLease          // its lease has expired (rule 3.5)
	lookListing        // its worker is unattributed for 15 s (rule 1.4)
	lookWorker         // it is attributed and reports no worker for 60 s (rule 5.5)
	lookMatch          // it listens for 60 s (rule 5.6)
	lookEnded          // its job ended 60 s ago and its agent is silent or idle (rule 6.3)
	lookRuntime        // its job is over its time (rule 6.3)
	lookDelete         // its registrations must go (rules 6.1, 6.2)
	lookGets           // nobody answers for it: who runs on it? (rule 6.2)
	lookTerminate      // nothing keeps it
	lookArchive        // it has ended badly, and its logs must be kept
)

// nextLook returns when the machine must be looked at next: the base of its due index. Zero is never.
func nextLook(m fleet.Machine) time.Time {
	t, _ := firstLook(m)
	return t
}

// firstLook returns the earliest look and its time. Pure.
func firstLook(m fleet.Machine) (time.Time, look) {
	var first time.Time
	what := lookNothing
	consider := func(t time.Time, l look) {
		if t.Before(m.Again) && l != lookLease && l != lookBoot {
			t = m.Again
		}
		if what == lookNothing || t.Before(first) {
			first, what = t, l
		}
	}
	if !m.WorkerStarted.IsZero() && m.Job == 0 && !m.HoldEnded {
		consider(m.WorkerStarted.Add(fleet.AttributeIn), lookListing)
	}
	switch m.State {
	case fleet.MachineStarting:
		consider(m.BootUntil(), lookBoot)
	case fleet.MachineReady, fleet.MachineAssigned:
		consider(m.Lease, lookLease)
	case fleet.MachineListening:
		consider(m.Lease, lookLease)
		consider(m.NextMatch, lookMatch)
	case fleet.MachineWorking:
		considerWorking(m, consider)
	case fleet.MachineRetiring:
		considerRetiring(m, consider)
	case fleet.MachineGone, fleet.MachineFailed:
		if !m.Archive.IsZero() { // first: a registration may stay busy for longer than the provider remembers a console
			consider(m.Archive, lookArchive)
		}
		if len(m.Undeleted()) > 0 {
			consider(m.Ended, lookDelete)
		}
	default: // stopping and stopped: no machine is yet
	}
	return first, what
}

func considerWorking(m fleet.Machine, consider func(time.Time, look)) {
	consider(m.Lease, lookLease)
	if m.WorkerStarted.IsZero() {
		consider(m.JobNamed.Add(fleet.WorkerIn), lookWorker)
	}
	if !m.JobEnded.IsZero() && !m.WorkerRunning {
		consider(m.JobEnded.Add(fleet.EndedFor), lookEnded)
	}
	began := m.WorkerStarted
	if began.IsZero() {
		began = m.JobNamed
	}
	if m.MaxRuntime > 0 {
		consider(began.Add(m.MaxRuntime+fleet.RuntimeGrace), lookRuntime)
	}
}

func considerRetiring(m fleet.Machine, consider func(time.Time, look)) {
	r := m.Retire
	switch {
	case r == nil || r.Goodbye || r.Cleared || m.HandOuts() == 0:
		consider(m.Since, lookTerminate)
	case r.Confirmed && r.Answered.IsZero():
		consider(m.Since, lookDelete)
	case r.Confirmed:
		consider(r.Answered, lookTerminate)
	case r.Answered.IsZero():
		consider(m.Lease.Add(fleet.SilentDelete), lookDelete)
	default:
		consider(r.Answered.Add(fleet.SilentGets), lookGets)
	}
}

// How long a job is believed without asking GitHub again; the scans ask much more often and for less.
const (
	believeWaiting = 15 * time.Minute
	believeQueued  = 5 * time.Minute
	believeRunning = 10 * time.Minute
	believeRefused = time.Hour
)

// nextJobLook returns when GitHub must be asked about a job. Zero is never. Pure.
func nextJobLook(j fleet.Job) time.Time {
	known := j.Confirmed
	if known.IsZero() {
		known = j.Created
	}
	switch {
	case j.Over():
		return time.Time{}
	case j.Problem != nil && j.Problem.Reported.IsZero():
		return j.Problem.Next
	case j.Problem != nil:
		return known.Add(believeRefused)
	case !j.Regressed.IsZero():
		return j.Regressed.Add(fleet.RegressionWait)
	case j.State == fleet.JobWaiting:
		return known.Add(believeWaiting)
	case j.State == fleet.JobQueued && !j.BackoffUntil.IsZero() && j.BackoffUntil.After(known):
		return j.BackoffUntil
	case j.State == fleet.JobQueued:
		return latest(known, j.Queued).Add(believeQueued)
	default:
		return latest(known, j.Started).Add(believeRunning)
	}
}

// lookAtJobBy is when a job that is written is looked at: not later than nextJobLook says. A time that was planned earlier stays,
// since to move it costs more than a look that finds that there is time yet, and most jobs are over before. Pure.
func lookAtJobBy(old record.Kept[record.Job], j fleet.Job, now time.Time) time.Time {
	next := nextJobLook(j)
	if planned := old.V.Due; old.Exists() && planned.After(now) && planned.Before(next) {
		return planned
	}
	return next
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// retiring begins a machine's end. Pure.
func retiring(m fleet.Machine, reason string, now time.Time) fleet.Machine {
	m.Retire = &fleet.Retirement{Reason: reason, Since: now}
	m.Again = time.Time{}
	return m.To(fleet.MachineRetiring, now, "It is to end: "+reason+".")
}

// kept is how the rows of a machine are passed about.
type kept = record.Kept[fleet.Machine]
