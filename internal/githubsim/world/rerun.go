package world

import "time"

const maxRetries = 50 // GitHub's documentation: a run can be re-run up to 50 times

// Rerun starts a new attempt of all jobs.
func (w *World) Rerun(run *Run, now time.Time) error {
	return w.rerun(run, now, func(*Job) bool { return true })
}

// RerunFailed starts a new attempt of the jobs that did not succeed and of those that need them.
func (w *World) RerunFailed(run *Run, now time.Time) error {
	return w.rerun(run, now, func(job *Job) bool { return job.Conclusion != Success && job.Conclusion != Skipped })
}

// RerunJob starts a new attempt of one job and of those that need it.
func (w *World) RerunJob(job *Job, now time.Time) error {
	run := w.runs[job.RunID]
	if job.Attempt != run.Attempt {
		return ErrOldJob
	}
	return w.rerun(run, now, func(j *Job) bool { return j == job })
}

// rerun opens an attempt in which the chosen jobs and all that need them are new, and all others are clones with new ids.
func (w *World) rerun(run *Run, now time.Time, chosen func(*Job) bool) error {
	if run.Status != Completed {
		return ErrNotOver
	}
	if run.Attempt > maxRetries {
		return ErrRetries
	}
	old := run.attempts[run.Attempt-1].nodes
	again := map[string]bool{}
	for _, n := range old {
		for _, job := range n.jobs {
			again[n.job.Key] = again[n.job.Key] || chosen(job)
		}
		again[n.job.Key] = again[n.job.Key] || len(n.jobs) == 0
	}
	run.Attempt++
	run.Status, run.Conclusion, run.cancelled, run.announced = Queued, "", false, false
	run.StartedAt = now
	run.attempts = append(run.attempts, attempt{})
	for _, n := range old {
		dependent := false
		for _, key := range run.file.Ancestors(n.job.Key) {
			dependent = dependent || again[key]
		}
		next := &node{job: n.job}
		current := &run.attempts[run.Attempt-1]
		current.nodes = append(current.nodes, next)
		if !dependent {
			w.carryOver(run, n, next, again[n.job.Key], chosen, now)
		}
	}
	w.live = append(w.live, run.ID)
	w.touch(run, now)
	if !w.enter(run.concurrency, run.holder(), run.replaces, now) {
		if run.Status != Completed {
			run.Status = Pending
		}
		return nil
	}
	w.begin(run, now)
	return nil
}

// carryOver clones the jobs of a node that stay as they are. A node in which some run again keeps its strategy, and only
// the chosen combinations are started.
func (w *World) carryOver(run *Run, old, next *node, again bool, chosen func(*Job) bool, now time.Time) {
	if again && len(old.strategy.Combinations) == 0 {
		return // it never came so far: everything is evaluated anew
	}
	next.expanded, next.strategy = true, old.strategy
	missing := next.strategy
	missing.Combinations = nil
	seen := map[int]bool{}
	for _, job := range old.jobs {
		seen[job.combination.Index] = true
		if chosen(job) {
			missing.Combinations = append(missing.Combinations, job.combination)
		} else {
			w.clone(run, job, next, now)
		}
	}
	for _, c := range old.strategy.Combinations {
		if !seen[c.Index] && again {
			missing.Combinations = append(missing.Combinations, c)
		}
	}
	next.total = old.jobTotal()
	next.strategy = missing
	if len(missing.Combinations) == 0 {
		next.done, next.result, next.outputs = true, old.result, old.outputs
	}
}

func (w *World) clone(run *Run, job *Job, n *node, now time.Time) {
	copied := *job
	copied.ID, copied.Attempt, copied.node, copied.CreatedAt = w.NextID(), run.Attempt, n, now
	w.jobs[copied.ID] = &copied
	current := &run.attempts[run.Attempt-1]
	current.jobs = append(current.jobs, &copied)
	n.jobs = append(n.jobs, &copied)
}
