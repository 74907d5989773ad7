package world

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/workflow"
)

// Run is one workflow run.
type Run struct {
	ID           int64
	Repository   *Repository
	Workflow     *Workflow
	Title        string
	Number       int
	Attempt      int
	EventName    string
	Payload      map[string]any // the event, as github.event shows it
	Inputs       map[string]any
	Ref          string
	HeadBranch   string
	Commit       *Commit
	Actor        string
	Status       Status
	Conclusion   Conclusion
	CreatedAt    time.Time
	StartedAt    time.Time // of the attempt
	UpdatedAt    time.Time
	CheckSuiteID int64

	source      []byte
	file        *workflow.File
	attempts    []attempt
	cancelled   bool
	announced   bool // workflow_run in_progress was sent for this attempt
	concurrency string
	replaces    bool
}

// attempt is one attempt with its job nodes, in file order.
type attempt struct {
	nodes []*node
	jobs  []*Job
}

// Trigger is the event that starts a run.
type Trigger struct {
	Name    string         `json:"event"`   // push, workflow_dispatch, ...; workflow_dispatch when empty
	Payload map[string]any `json:"payload"` // of the event; what GitHub always has is added
	Inputs  map[string]any `json:"inputs"`
	Ref     string         `json:"ref"`   // branch; the default branch when empty
	Actor   string         `json:"actor"` // the owner when empty
}

// Errors of runs.
var (
	ErrNotFound = errors.New("not found")
	ErrNotOver  = errors.New("this workflow run is already running")
	ErrOver     = errors.New("cannot cancel a workflow run that is completed")
	ErrRetries  = errors.New("the run has been re-run 50 times already")
	ErrOldJob   = errors.New("only jobs from the current attempt can be re-run")
)

// Run returns a run by its id, or nil.
func (w *World) Run(id int64) *Run { return w.runs[id] }

// RunsOf returns the runs of a repository, newest first, as GitHub lists them.
func (w *World) RunsOf(r *Repository) []*Run {
	var runs []*Run
	for _, v := range slices.Backward(w.runOrder) {
		if run := w.runs[v]; run.Repository == r {
			runs = append(runs, run)
		}
	}
	return runs
}

// Runs returns all runs, oldest first.
func (w *World) Runs() []*Run {
	runs := make([]*Run, 0, len(w.runOrder))
	for _, id := range w.runOrder {
		runs = append(runs, w.runs[id])
	}
	return runs
}

// Dispatch starts a run of the workflow file at this path.
func (w *World) Dispatch(r *Repository, path string, trigger Trigger, now time.Time) (*Run, error) {
	commit := r.Resolve(trigger.Ref)
	if commit == nil {
		return nil, fmt.Errorf("resolving %q in %s: %w", trigger.Ref, r.FullName(), ErrNotFound)
	}
	source, ok := commit.Files[path]
	if !ok {
		return nil, fmt.Errorf("reading %s in %s: %w", path, r.FullName(), ErrNotFound)
	}
	file, err := w.parse(source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	run := w.newRun(r, path, file, trigger, commit, now)
	run.source = source
	scope := w.runScope(run)
	if file.RunName != "" {
		if run.Title, err = scope.Interpolate(file.RunName); err != nil {
			return nil, fmt.Errorf("%s: evaluating run-name: %w", path, err)
		}
	}
	group, replaces, err := file.Concurrency.Evaluate(scope)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	run.concurrency, run.replaces = groupKey(r, group), replaces
	w.runs[run.ID] = run
	w.runOrder = append(w.runOrder, run.ID)
	w.emitRun(run, "requested", now)
	w.openAttempt(run, now)
	return run, nil
}

// parse reads a workflow; what was read before is known.
func (w *World) parse(source []byte) (*workflow.File, error) {
	if file := w.parsed[string(source)]; file != nil {
		return file, nil
	}
	file, err := workflow.Parse(source)
	if err == nil {
		w.parsed[string(source)] = file
	}
	return file, err
}

func (w *World) newRun(r *Repository, path string, file *workflow.File, trigger Trigger, commit *Commit, now time.Time) *Run {
	name := file.Name
	if name == "" {
		name = path
	}
	branch := strings.TrimPrefix(trigger.Ref, "refs/heads/")
	if branch == "" || branch == commit.SHA {
		branch = r.DefaultBranch
	}
	r.runNumbers[path]++
	run := &Run{
		ID: w.NextID(), Repository: r, Workflow: w.workflow(r, path, name, now), Title: name, Number: r.runNumbers[path],
		EventName: trigger.Name, Payload: map[string]any{}, Inputs: trigger.Inputs, Ref: "refs/heads/" + branch, HeadBranch: branch,
		Commit: commit, Actor: trigger.Actor, Status: Queued, CreatedAt: now, UpdatedAt: now, CheckSuiteID: w.NextID(), file: file,
	}
	maps.Copy(run.Payload, trigger.Payload)
	if run.EventName == "" {
		run.EventName = "workflow_dispatch"
	}
	if run.Actor == "" {
		run.Actor = r.Owner.Login
	}
	run.Payload["repository"] = map[string]any{
		"id": r.ID, "name": r.Name, "full_name": r.FullName(), "private": r.Private, "default_branch": r.DefaultBranch,
		"owner": map[string]any{"login": r.Owner.Login, "id": r.Owner.ID},
	}
	run.Payload["sender"] = map[string]any{"login": run.Actor}
	if len(run.Inputs) > 0 {
		run.Payload["inputs"] = run.Inputs
	}
	return run
}

// openAttempt starts the next attempt with a node for every job of the file.
func (w *World) openAttempt(run *Run, now time.Time) {
	run.Attempt++
	run.Status, run.Conclusion, run.cancelled, run.announced = Queued, "", false, false
	run.StartedAt = now
	nodes := make([]*node, 0, len(run.file.Jobs))
	for _, job := range run.file.Jobs {
		nodes = append(nodes, &node{job: job})
	}
	run.attempts = append(run.attempts, attempt{nodes: nodes})
	w.live = append(w.live, run.ID)
	w.touch(run, now)
	if !w.enter(run.concurrency, run.holder(), run.replaces, now) {
		if run.Status != Completed {
			run.Status = Pending
		}
		return
	}
	w.begin(run, now)
}

func (run *Run) holder() holder { return holder{run: run.ID, attempt: run.Attempt} }

func (w *World) begin(run *Run, now time.Time) {
	run.Status = Queued
	w.progress(run, now)
}

func (w *World) touch(run *Run, now time.Time) {
	run.UpdatedAt = now
	w.moved = true
}

// progress starts every job whose needs are met, until nothing more can start, and ends the run when all has ended.
func (w *World) progress(run *Run, now time.Time) {
	if run.Status == Completed || run.Status == Pending {
		return
	}
	nodes := run.attempts[run.Attempt-1].nodes
	for changed := true; changed; {
		changed = false
		for _, n := range nodes {
			if !n.done && w.advanceNode(run, n, now) {
				changed = true
			}
		}
	}
	w.settle(run, nodes, now)
}

// settle derives the run's status from its jobs.
func (w *World) settle(run *Run, nodes []*node, now time.Time) {
	if run.Status == Completed {
		return
	}
	over := true
	for _, n := range nodes {
		over = over && n.done
	}
	if over {
		w.completeRun(run, conclude(run, nodes), now)
		return
	}
	waiting, queued := 0, 0
	for _, job := range w.JobsOf(run, run.Attempt) {
		switch job.Status {
		case Waiting:
			waiting++
		case Queued, InProgress, Pending:
			queued++
		case Completed:
		}
	}
	switch {
	case queued == 0 && waiting > 0:
		run.Status = Waiting
	case run.Status == Waiting && run.announced:
		run.Status = InProgress
	case run.Status == Waiting:
		run.Status = Queued
	}
}

func conclude(run *Run, nodes []*node) Conclusion {
	counts := map[Conclusion]int{}
	for _, n := range nodes {
		counts[n.result]++
	}
	switch {
	case run.cancelled:
		return Cancelled
	case counts[Failure] > 0:
		return Failure
	case counts[Cancelled] > 0:
		return Cancelled
	case counts[Skipped] == len(nodes):
		return Skipped
	default:
		return Success
	}
}

func (w *World) completeRun(run *Run, conclusion Conclusion, now time.Time) {
	run.Status, run.Conclusion = Completed, conclusion
	w.touch(run, now)
	w.emitRun(run, string(Completed), now)
	w.leave(run.concurrency, run.holder(), now)
}
