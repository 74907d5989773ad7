package world

import (
	"fmt"
	"time"
)

// AddForeign registers a runner that is not the fleet's. The simulator plays it; it takes jobs only by Steal.
func (w *World) AddForeign(s *Scope, name string, labels []string, now time.Time) (*Runner, error) {
	if err := checkRegistration(name, labels); err != nil {
		return nil, err
	}
	if w.RunnerNamed(s, name) != nil {
		return nil, fmt.Errorf("a runner with the name %s %w", name, ErrNameTaken)
	}
	r := w.register(s, s.Group(defaultGroupID), name, labels, now)
	r.Foreign, r.OS, r.Version = true, "Linux", "2.337.0"
	r.session, r.seenAt = "foreign", now
	return r, nil
}

// Steal gives a queued job to a foreign runner, which ends it after d with this conclusion.
func (w *World) Steal(job *Job, r *Runner, d time.Duration, conclusion Conclusion, now time.Time) error {
	if job.Status != Queued {
		return &InvalidError{Message: fmt.Sprintf("job %d is %s, not queued", job.ID, job.Status)}
	}
	if !r.Foreign || r.job != nil {
		return &InvalidError{Message: fmt.Sprintf("runner %q is not an idle foreign runner", r.Name)}
	}
	if !r.Scope.serves(w.runs[job.RunID].Repository) || !Matches(job, r) {
		return &InvalidError{Message: fmt.Sprintf("runner %q does not match job %d", r.Name, job.ID)}
	}
	if job.assigned != nil {
		w.requeue(job, now)
	}
	r.job, r.assignedAt = job, now
	job.foreignEnd, job.foreignWith = now.Add(d), conclusion
	w.start(job, r, now)
	return nil
}

func (w *World) finishForeignJobs(now time.Time) {
	for _, r := range w.AllRunners() {
		job := r.job
		if !r.Foreign || job == nil || now.Before(job.foreignEnd) {
			continue
		}
		r.job = nil
		job.Log = append(job.Log, "Run by the foreign runner "+r.Name+"\n"...)
		w.finish(job, job.foreignWith, now)
	}
}
