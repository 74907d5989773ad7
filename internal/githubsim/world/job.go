package world

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/workflow"
)

// Status is the status of a run or a job, as GitHub spells it.
type Status string

// The statuses.
const (
	Pending    Status = "pending" // held back by concurrency
	Waiting    Status = "waiting" // for the approval of an environment
	Queued     Status = "queued"
	InProgress Status = "in_progress"
	Completed  Status = "completed"
)

// Conclusion is how a run or a job ended, as GitHub spells it.
type Conclusion string

// The conclusions that the simulator gives.
const (
	Success   Conclusion = "success"
	Failure   Conclusion = "failure"
	Cancelled Conclusion = "cancelled"
	Skipped   Conclusion = "skipped"
)

// Step is one step as the runner reported it.
type Step struct {
	Name        string     `json:"name"`
	Conclusion  string     `json:"conclusion"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
}

// Job is one job of one attempt of a run.
type Job struct {
	ID          int64
	RunID       int64
	Attempt     int
	Key         string // in the file
	Name        string // as shown
	Labels      []string
	Group       string // runner group asked for, may be empty
	Status      Status
	Conclusion  Conclusion
	CreatedAt   time.Time
	QueuedAt    time.Time // last time it became queued
	StartedAt   time.Time // equals CreatedAt until a runner has it
	CompletedAt time.Time
	RunnerID    int64 // 0 until a runner has it
	RunnerName  string
	GroupID     int64
	GroupName   string
	Steps       []Step
	Log         []byte
	Outputs     map[string]string
	Environment *Environment
	Missed      int // assignments that no runner acknowledged

	combination workflow.Combination
	node        *node
	tolerated   bool
	timeout     time.Duration
	approved    bool
	concurrency string // key of the group it holds or waits for
	replaces    bool   // cancels what its concurrency group is doing
	assigned    *Runner
	assignedAt  time.Time
	lost        bool // the message with the assignment never arrives
	early       bool // in_progress was told before the runner acquired it
	missedBy    map[int64]bool
	renewedAt   time.Time
	cancelAt    time.Time // when cancellation was asked for
	muted       bool      // its completed event is never sent
	orphan      bool      // it stays queued although the run completes
	foreignEnd  time.Time // when a foreign runner finishes it
	foreignWith Conclusion
}

// CancelRequested says that the runner was told to stop.
func (j *Job) CancelRequested() bool { return !j.cancelAt.IsZero() }

// Job returns a job by its id, or nil.
func (w *World) Job(id int64) *Job { return w.jobs[id] }

// JobsOf returns the jobs of one attempt, in the order of their creation.
func (w *World) JobsOf(run *Run, attempt int) []*Job {
	if attempt < 1 || attempt > len(run.attempts) {
		return nil
	}
	return run.attempts[attempt-1].jobs
}

func (w *World) newJob(run *Run, n *node, now time.Time) *Job {
	job := &Job{
		ID: w.NextID(), RunID: run.ID, Attempt: run.Attempt, Key: n.job.Key, Name: n.job.Key, node: n,
		CreatedAt: now, StartedAt: now, QueuedAt: now, missedBy: map[int64]bool{},
	}
	w.jobs[job.ID] = job
	attempt := &run.attempts[run.Attempt-1]
	attempt.jobs = append(attempt.jobs, job)
	n.jobs = append(n.jobs, job)
	return job
}

// queue makes a job visible as queued, unless its environment or its concurrency group holds it back.
func (w *World) queue(run *Run, job *Job, now time.Time) {
	if job.Environment != nil && job.Environment.Protected && !job.approved {
		job.Status = Waiting
		w.emitJob(job, string(Waiting), now)
		return
	}
	if job.concurrency != "" && !w.enter(job.concurrency, holder{run: run.ID, attempt: run.Attempt, job: job.ID}, job.replaces, now) {
		job.Status = Pending
		return
	}
	if job.Status == Completed {
		return
	}
	w.becomeQueued(run, job, now)
}

func (w *World) becomeQueued(run *Run, job *Job, now time.Time) {
	job.Status, job.QueuedAt = Queued, now
	job.orphan = w.Chance(w.faults.RunCompletesEarly)
	job.muted = w.Chance(w.faults.CompletedNeverSent)
	w.touch(run, now)
	w.emitJob(job, string(Queued), now)
}

// start records that a runner has the job.
func (w *World) start(job *Job, runner *Runner, now time.Time) {
	job.Status, job.StartedAt, job.renewedAt = InProgress, now, now
	job.RunnerID, job.RunnerName = runner.ID, runner.Name
	job.GroupID, job.GroupName = runner.Group.ID, runner.Group.Name
	run := w.runs[job.RunID]
	w.touch(run, now)
	w.emitJob(job, string(InProgress), now)
	if run.Status != InProgress {
		run.Status = InProgress
		if !run.announced {
			run.announced = true
			w.emitRun(run, string(InProgress), now)
		}
	}
}

// finish ends a job, whatever its state, and lets go of its runner and its concurrency group.
func (w *World) finish(job *Job, conclusion Conclusion, now time.Time) {
	if job.Status == Completed {
		return
	}
	job.Status, job.Conclusion, job.CompletedAt = Completed, conclusion, now
	if job.assigned != nil {
		job.assigned.job = nil
		job.assigned = nil
	}
	run := w.runs[job.RunID]
	w.touch(run, now)
	w.emitJob(job, string(Completed), now)
	w.leave(job.concurrency, holder{run: run.ID, attempt: job.Attempt, job: job.ID}, now)
	w.failFast(job, now)
}

// failFast cancels the other jobs of the matrix after a failure.
func (w *World) failFast(job *Job, now time.Time) {
	if job.Conclusion != Failure || job.tolerated || job.node == nil || !job.node.strategy.FailFast {
		return
	}
	job.node.stopped = true
	for _, sibling := range append([]*Job(nil), job.node.jobs...) {
		w.cancelJob(sibling, now)
	}
}

// endOverdueJobs cancels jobs that were queued or ran for too long, and ends those whose runner is silent.
func (w *World) endOverdueJobs(now time.Time) {
	w.liveJobs(func(_ *Run, job *Job) {
		switch {
		case job.orphan:
		case job.Status == Queued && now.Sub(job.QueuedAt) >= w.slow(QueueLimit):
			w.finish(job, Cancelled, now)
		case job.Status != InProgress || job.assigned != nil || !job.foreignEnd.IsZero():
		case now.Sub(job.renewedAt) >= w.slowAtLeast(LostAfter, lostFloor):
			job.Log = append(job.Log, "The self-hosted runner lost communication with the server.\n"...)
			w.endByServer(job, Failure, now)
		case job.CancelRequested() && now.Sub(job.cancelAt) >= w.slowAtLeast(CancelGrace, cancelFloor):
			w.endByServer(job, Cancelled, now)
		case !job.CancelRequested() && now.Sub(job.StartedAt) >= job.timeout:
			job.cancelAt = now
		}
	})
}

// endByServer ends a job without its runner's word, and frees the record of that runner.
func (w *World) endByServer(job *Job, conclusion Conclusion, now time.Time) {
	for _, runner := range append([]*Runner(nil), w.runners...) {
		if runner.ID == job.RunnerID {
			runner.job = nil
			if runner.Ephemeral {
				w.remove(runner)
			}
		}
	}
	w.finish(job, conclusion, now)
}
