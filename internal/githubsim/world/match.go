package world

import (
	"sort"
	"strings"
	"time"
)

// match sends queued jobs to idle runners: the job that waits longest first, to any online idle runner of a scope that
// serves the repository and whose labels are a superset of the job's. Which of several is a random choice.
func (w *World) match(now time.Time) {
	idle := make([]*Runner, 0, len(w.runners))
	for _, r := range w.runners {
		if r.session != "" && r.job == nil && !r.Foreign {
			idle = append(idle, r)
		}
	}
	if len(idle) == 0 {
		return
	}
	for _, job := range w.waitingJobs() {
		candidates := w.candidates(job, idle)
		if len(candidates) == 0 {
			continue
		}
		chosen := candidates[w.random.Uint64()%uint64(len(candidates))]
		w.assign(job, chosen, now)
		idle = without(idle, chosen)
	}
}

// waitingJobs are the jobs that may be assigned, in the order in which they were queued.
func (w *World) waitingJobs() []*Job {
	var queued []*Job
	w.liveJobs(func(_ *Run, job *Job) {
		if job.Status == Queued && job.assigned == nil && !job.orphan {
			queued = append(queued, job)
		}
	})
	sort.SliceStable(queued, func(i, k int) bool { return queued[i].QueuedAt.Before(queued[k].QueuedAt) })
	return queued
}

// candidates prefers runners that have not missed this job before.
func (w *World) candidates(job *Job, idle []*Runner) []*Runner {
	var fresh, known []*Runner
	repository := w.runs[job.RunID].Repository
	for _, r := range idle {
		if !r.Scope.serves(repository) || !r.Group.Serves(repository) || !Matches(job, r) {
			continue
		}
		if job.missedBy[r.ID] {
			known = append(known, r)
		} else {
			fresh = append(fresh, r)
		}
	}
	if len(fresh) > 0 {
		return fresh
	}
	return known
}

// Matches says whether the runner has every label of the job and is in its group, both without regard to case.
func Matches(job *Job, r *Runner) bool {
	if job.Group != "" && !strings.EqualFold(job.Group, r.Group.Name) {
		return false
	}
	for _, label := range job.Labels {
		if !hasLabel(r.Labels, label) {
			return false
		}
	}
	return true
}

func hasLabel(labels []string, wanted string) bool {
	for _, label := range labels {
		if strings.EqualFold(label, wanted) {
			return true
		}
	}
	return false
}

func without(runners []*Runner, one *Runner) []*Runner {
	kept := make([]*Runner, 0, len(runners))
	for _, r := range runners {
		if r != one {
			kept = append(kept, r)
		}
	}
	return kept
}

func (w *World) assign(job *Job, r *Runner, now time.Time) {
	w.changes++
	job.assigned, job.assignedAt = r, now
	job.lost = w.Chance(w.faults.AssignmentLost)
	r.job, r.assignedAt = job, now
	if w.Chance(w.faults.InProgressEarly) {
		job.early = true
		w.start(job, r, now)
	}
}

// requeueUnacknowledged takes jobs back from runners that did not acquire them in time, and gives up after several.
func (w *World) requeueUnacknowledged(now time.Time) {
	limit := MaxMissed
	if w.faults.MissedLimitAttempts > 0 {
		limit = w.faults.MissedLimitAttempts
	}
	w.liveJobs(func(_ *Run, job *Job) {
		if job.assigned == nil || now.Sub(job.assignedAt) < w.slowAtLeast(AcknowledgeWithin, acknowledgeFloor) {
			return
		}
		job.Missed++
		job.missedBy[job.assigned.ID] = true
		w.requeue(job, now)
		if job.Missed >= limit {
			job.Log = append(job.Log, "The job was not acquired by Runner of type self-hosted even after multiple attempts\n"...)
			w.finish(job, Cancelled, now)
		}
	})
}

// requeue takes a job back from a runner that never acquired it. Being queued again is told only if in_progress was.
func (w *World) requeue(job *Job, now time.Time) {
	job.assigned.job = nil
	job.assigned, job.lost = nil, false
	w.moved = true
	if !job.early {
		return
	}
	job.early = false
	job.Status, job.StartedAt = Queued, job.CreatedAt
	job.RunnerID, job.RunnerName, job.GroupID, job.GroupName = 0, "", 0, ""
	w.emitJob(job, string(Queued), now)
}
