package world

import (
	"encoding/json"
	"time"

	"github.com/nektos/act/pkg/exprparser"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/workflow"
)

// node is one job of the file in one attempt: what its matrix makes of it, and how it ended as a whole.
type node struct {
	job      *workflow.Job
	expanded bool
	done     bool
	stopped  bool // fail-fast: no further job of the matrix starts
	result   Conclusion
	outputs  map[string]string
	strategy workflow.Strategy
	next     int // the next combination to start
	total    int // strategy.job-total of a partial re-run; 0 when the strategy is whole
	jobs     []*Job
}

// advanceNode moves a node as far as it goes now, and reports whether it moved.
func (w *World) advanceNode(run *Run, n *node, now time.Time) bool {
	if !n.expanded && (!w.expandNode(run, n, now) || n.done) {
		return n.expanded
	}
	active := 0
	for _, job := range n.jobs {
		if job.Status != Completed && !job.orphan {
			active++
		}
	}
	moved := false
	for n.next < len(n.strategy.Combinations) && active < n.strategy.MaxParallel && !n.stopped {
		combination := n.strategy.Combinations[n.next]
		n.next++
		moved = true
		if job := w.startCombination(run, n, combination, now); job.Status != Completed && !job.orphan {
			active++
		}
	}
	if active == 0 && (n.next == len(n.strategy.Combinations) || n.stopped) {
		n.finish(run.cancelled)
		return true
	}
	return moved
}

// expandNode waits for the node's needs, asks its condition, and evaluates its strategy.
func (w *World) expandNode(run *Run, n *node, now time.Time) bool {
	for _, need := range n.job.Needs {
		if !run.node(need).done {
			return false
		}
	}
	n.expanded = true
	scope := w.jobScope(run, n)
	wanted, err := scope.Condition(n.job.If)
	if err != nil {
		w.endUnstarted(run, n, Failure, err.Error(), now)
		return true
	}
	if !wanted {
		w.endUnstarted(run, n, Skipped, "", now)
		return true
	}
	if n.strategy, err = n.job.Expand(scope); err != nil {
		w.endUnstarted(run, n, Failure, err.Error(), now)
	}
	return true
}

// endUnstarted ends a node with one job that no runner ever sees.
func (w *World) endUnstarted(run *Run, n *node, conclusion Conclusion, log string, now time.Time) {
	job := w.newJob(run, n, now)
	if name, err := n.job.DisplayName(w.jobScope(run, n), workflow.Combination{}); err == nil && conclusion != Failure {
		job.Name = name
	}
	if log != "" {
		job.Log = []byte(log + "\n")
	}
	w.finish(job, conclusion, now)
	n.done, n.result = true, conclusion
}

func (w *World) startCombination(run *Run, n *node, c workflow.Combination, now time.Time) *Job {
	job := w.newJob(run, n, now)
	job.combination = c
	if err := w.evaluateJob(run, n, job); err != nil {
		job.Log = []byte(err.Error() + "\n")
		w.finish(job, Failure, now)
		return job
	}
	w.queue(run, job, now)
	return job
}

func (w *World) evaluateJob(run *Run, n *node, job *Job) error {
	scope := w.jobScope(run, n)
	scope.Matrix, scope.Strategy = job.combination.Values, n.strategy.Context(job.combination.Index, n.jobTotal())
	name, err := n.job.DisplayName(scope, job.combination)
	if err != nil {
		return err
	}
	job.Name = name
	target, err := n.job.RunsOn(scope)
	if err != nil {
		return err
	}
	job.Labels, job.Group = target.Labels, target.Group
	minutes, err := n.job.Timeout(scope)
	if err != nil {
		return err
	}
	job.timeout = time.Duration(minutes * float64(time.Minute))
	if job.tolerated, err = n.job.Tolerated(scope); err != nil {
		return err
	}
	environment, err := n.job.Environment(scope)
	if err != nil {
		return err
	}
	if environment != "" {
		job.Environment = w.environment(run.Repository, environment)
	}
	group, replaces, err := n.job.Concurrency.Evaluate(scope)
	if err != nil {
		return err
	}
	job.concurrency, job.replaces = groupKey(run.Repository, group), replaces
	return nil
}

// jobTotal is the size of the whole matrix, of which a re-run may start only a part.
func (n *node) jobTotal() int {
	if n.total > 0 {
		return n.total
	}
	return len(n.strategy.Combinations)
}

// finish gives the node its result and merges the outputs of its jobs, of which the last one set wins.
func (n *node) finish(cancelled bool) {
	n.done = true
	counts := map[Conclusion]int{}
	n.outputs = map[string]string{}
	for _, job := range n.jobs {
		conclusion := job.Conclusion
		if job.Status != Completed {
			conclusion = Cancelled // an orphan, which stays queued
		}
		if conclusion == Failure && job.tolerated {
			conclusion = Success
		}
		counts[conclusion]++
		for key, value := range job.Outputs {
			if value != "" {
				n.outputs[key] = value
			}
		}
	}
	switch {
	case counts[Failure] > 0:
		n.result = Failure
	case counts[Cancelled] > 0 || cancelled && len(n.jobs) == 0:
		n.result = Cancelled
	case counts[Skipped] == len(n.jobs):
		n.result = Skipped
	default:
		n.result = Success
	}
}

func (run *Run) node(key string) *node {
	for _, n := range run.attempts[run.Attempt-1].nodes {
		if n.job.Key == key {
			return n
		}
	}
	return nil
}

func (w *World) runScope(run *Run) workflow.Scope {
	scope := workflow.Scope{Inputs: run.Inputs, Vars: run.Repository.Vars, Cancelled: run.cancelled}
	scope.GitHub.Event = plainJSON(run.Payload)
	scope.GitHub.EventName, scope.GitHub.Workflow = run.EventName, run.Workflow.Name
	scope.GitHub.RunID, scope.GitHub.RunNumber, scope.GitHub.RunAttempt = itoa(run.ID), itoa(int64(run.Number)), itoa(int64(max(run.Attempt, 1)))
	scope.GitHub.Actor, scope.GitHub.Repository = run.Actor, run.Repository.FullName()
	scope.GitHub.RepositoryOwner = run.Repository.Owner.Login
	scope.GitHub.Sha, scope.GitHub.Ref = run.Commit.SHA, run.Ref
	scope.GitHub.RefName, scope.GitHub.RefType = run.HeadBranch, "branch"
	return scope
}

func (w *World) jobScope(run *Run, n *node) workflow.Scope {
	scope := w.runScope(run)
	scope.GitHub.Job = n.job.Key
	scope.Needs, scope.Results = map[string]exprparser.Needs{}, map[string]string{}
	for _, key := range n.job.Needs {
		need := run.node(key)
		scope.Needs[key] = exprparser.Needs{Result: string(need.result), Outputs: need.outputs}
	}
	for _, key := range run.file.Ancestors(n.job.Key) {
		scope.Results[key] = string(run.node(key).result)
	}
	return scope
}

// plainJSON gives numbers and lists the types that the interpreter of expressions knows.
func plainJSON(value map[string]any) map[string]any {
	encoded, err := json.Marshal(value)
	if err != nil {
		return map[string]any{}
	}
	plain := map[string]any{}
	if err := json.Unmarshal(encoded, &plain); err != nil {
		return map[string]any{}
	}
	return plain
}
