package world

import "time"

// Event is something that GitHub tells by a webhook. Run and Job are copies of the moment at which it happened.
type Event struct {
	Name       string // workflow_job, workflow_run, push
	Action     string // empty for push
	At         time.Time
	Repository *Repository
	Run        *Run
	Job        *Job
	Push       *Push
}

// Push is one update of a branch.
type Push struct {
	Ref    string
	Before string
	After  *Commit
	Files  []string // added or modified, sorted
	Actor  string
}

// TakeEvents returns what has happened since the last call, in order.
func (w *World) TakeEvents() []Event {
	events := w.events
	w.events = nil
	return events
}

func (w *World) emitJob(job *Job, action string, now time.Time) {
	if action == string(Completed) && job.muted {
		return
	}
	run := w.runs[job.RunID]
	runCopy, jobCopy := *run, *job
	jobCopy.Labels = append([]string(nil), job.Labels...)
	jobCopy.Steps = append([]Step(nil), job.Steps...)
	w.events = append(w.events, Event{
		Name: "workflow_job", Action: action, At: now, Repository: run.Repository, Run: &runCopy, Job: &jobCopy,
	})
}

func (w *World) emitRun(run *Run, action string, now time.Time) {
	runCopy := *run
	w.events = append(w.events, Event{Name: "workflow_run", Action: action, At: now, Repository: run.Repository, Run: &runCopy})
}
