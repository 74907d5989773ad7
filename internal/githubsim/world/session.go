package world

import (
	"errors"
	"time"
)

// The refusals that a runner's listener meets.
var (
	ErrUnregistered = errors.New("the registration is unknown, deleted or expired")
	ErrConflict     = errors.New("another session is open")
	ErrDeprecated   = errors.New("this version of the runner is deprecated and cannot receive messages")
	ErrNotYours     = errors.New("the job is no longer this runner's")
)

// Authenticate returns the runner of a secret.
func (w *World) Authenticate(secret string) (*Runner, error) {
	runner := w.secrets[secret]
	if runner == nil {
		return nil, ErrUnregistered
	}
	return runner, nil
}

// OpenSession connects a runner.
func (w *World) OpenSession(r *Runner, now time.Time) (string, error) {
	if r.gone {
		return "", ErrUnregistered
	}
	lifetime := DefaultJITLifetime
	if w.faults.JITLifetime > 0 {
		lifetime = time.Duration(w.faults.JITLifetime)
	}
	if r.seenAt.IsZero() && now.Sub(r.createdAt) >= w.slow(lifetime) {
		return "", ErrUnregistered
	}
	if r.session != "" {
		return "", ErrConflict
	}
	if w.Chance(w.faults.RunnerDeprecated) {
		return "", ErrDeprecated
	}
	r.session, r.seenAt, r.polls = w.random.Token(secretBytes/2), now, 0
	w.moved = true
	r.OS, r.Version = "Linux", "2.337.0"
	w.restIdle(r, now)
	return r.session, nil
}

// restIdle starts the time after which an idle registration vanishes, when that fault strikes.
func (w *World) restIdle(r *Runner, now time.Time) {
	r.idleEnd = time.Time{}
	if w.Chance(w.faults.IdleRemoval) {
		r.idleEnd = now.Add(w.slow(w.Between(IdleRemovalMin, IdleRemovalMax)))
	}
}

// CloseSession disconnects a runner.
func (w *World) CloseSession(r *Runner, session string, now time.Time) {
	if session != "" && r.session == session {
		r.session, r.offlineAt = "", now
	}
}

// Poll tells that a long poll of the session begins (+1) or ends (-1).
func (w *World) Poll(r *Runner, session string, delta int, now time.Time) {
	if r.session == session {
		r.polls += delta
		r.seenAt = now
	}
}

// Message returns the id of the job that the runner was sent, or 0.
func (w *World) Message(r *Runner, session string, now time.Time) (int64, error) {
	if r.gone || session == "" || r.session != session {
		return 0, ErrUnregistered
	}
	r.seenAt = now
	if r.job == nil || r.job.assigned != r || r.job.lost {
		return 0, nil
	}
	return r.job.ID, nil
}

// Acquire gives the job to the runner for good.
func (w *World) Acquire(r *Runner, session string, id int64, now time.Time) (*Job, error) {
	job := w.jobs[id]
	if r.gone || r.session != session || job == nil || job.assigned != r {
		return nil, ErrNotYours
	}
	r.seenAt = now
	job.assigned = nil
	job.renewedAt = now
	if job.early {
		job.early = false
		job.StartedAt = now
		return job, nil
	}
	w.start(job, r, now)
	return job, nil
}

// Renew is a running job's sign of life. It reports whether the job was cancelled.
func (w *World) Renew(r *Runner, id int64, log string, now time.Time) (bool, error) {
	job, err := w.running(r, id)
	if err != nil {
		return false, err
	}
	r.seenAt, job.renewedAt = now, now
	job.Log = append(job.Log, log...)
	return job.CancelRequested(), nil
}

// Result is what a runner reports at the end of a job.
type Result struct {
	Conclusion Conclusion
	Outputs    map[string]string
	Log        string
	Steps      []Step
}

// Complete ends the job. An ephemeral registration ends with it.
func (w *World) Complete(r *Runner, id int64, result Result, now time.Time) error {
	job, err := w.running(r, id)
	if err != nil {
		return err
	}
	job.Log = append(job.Log, result.Log...)
	job.Outputs, job.Steps = result.Outputs, result.Steps
	conclusion := result.Conclusion
	if conclusion == Success && job.CancelRequested() {
		conclusion = Cancelled
	}
	r.job = nil
	if r.Ephemeral || r.gone {
		w.remove(r)
	}
	w.finish(job, conclusion, now)
	return nil
}

func (w *World) running(r *Runner, id int64) (*Job, error) {
	job := w.jobs[id]
	if job == nil || r.job != job || job.Status != InProgress || job.assigned != nil {
		return nil, ErrNotYours
	}
	return job, nil
}

// expireSessions disconnects runners that make no calls.
func (w *World) expireSessions(now time.Time) {
	for _, r := range w.AllRunners() {
		if r.session != "" && !r.Foreign && r.polls == 0 && now.Sub(r.seenAt) >= OfflineAfter {
			r.session, r.offlineAt = "", now
		}
	}
}
