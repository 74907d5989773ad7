package world

import (
	"strconv"
	"time"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Cancel asks all jobs of a run to end: those without a runner end at once, the others when their runner has stopped
// them. Jobs whose condition says always() still run.
func (w *World) Cancel(run *Run, now time.Time) error {
	if run.Status == Completed {
		return ErrOver
	}
	w.cancelRun(run, now)
	return nil
}

// ForceCancel ends a run at once, without asking runners and without regard to always().
func (w *World) ForceCancel(run *Run, now time.Time) error {
	if run.Status == Completed {
		return ErrOver
	}
	run.cancelled = true
	for _, job := range w.JobsOf(run, run.Attempt) {
		if job.Status == InProgress {
			w.endByServer(job, Cancelled, now)
		}
		w.finish(job, Cancelled, now)
	}
	for _, n := range run.attempts[run.Attempt-1].nodes {
		if !n.done {
			n.expanded = true
			n.finish(true)
		}
	}
	if run.Status != Completed {
		w.completeRun(run, Cancelled, now)
	}
	return nil
}

func (w *World) cancelRun(run *Run, now time.Time) {
	if run.Status == Completed {
		return
	}
	run.cancelled = true
	if run.Status == Pending {
		w.completeRun(run, Cancelled, now)
		return
	}
	for _, n := range run.attempts[run.Attempt-1].nodes {
		n.stopped = n.expanded // what starts from now on, always() wants
	}
	for _, job := range w.JobsOf(run, run.Attempt) {
		w.cancelJob(job, now)
	}
	w.progress(run, now)
}

// cancelJob ends a job that has no runner, and asks the runner of any other to stop.
func (w *World) cancelJob(job *Job, now time.Time) {
	switch job.Status {
	case Completed:
	case InProgress:
		if job.assigned != nil { // told early, never acquired
			w.finish(job, Cancelled, now)
		} else if job.cancelAt.IsZero() {
			job.cancelAt = now
			if !job.foreignEnd.IsZero() {
				job.foreignEnd, job.foreignWith = now, Cancelled
			}
		}
	case Pending, Waiting, Queued:
		w.finish(job, Cancelled, now)
	}
}
