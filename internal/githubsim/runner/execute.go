package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nektos/act/pkg/common"
	"github.com/nektos/act/pkg/model"
	"github.com/nektos/act/pkg/runner"
)

// cleanupGrace is what a cancelled job has for its steps with if: always(), as with the official runner.
const cleanupGrace = 5 * time.Minute

var errTimedOut = errors.New("the job's time is up")

// perform executes one job in this process and returns its result. Closing interrupted cancels it.
func perform(ctx context.Context, interrupted <-chan struct{}, todo order, log *jobLog) Result {
	log.setUp(todo.Runner)
	job, err := prepare(todo)
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			log.line("##[error]%s", line)
		}
		return Result{Conclusion: Failure, Steps: log.steps(Failure)}
	}
	log.expect(job.plan.Stages[0].Runs[0].Job().Steps)
	log.control = job.control
	ctx, cancel := context.WithCancelCause(runner.WithJobLoggerFactory(ctx, log))
	defer cancel(nil)
	stopping, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	log.stopping = func() bool { return stopping.Err() != nil }
	go func() {
		timer := time.NewTimer(job.timeout)
		defer timer.Stop()
		select {
		case <-interrupted:
			stop(context.Canceled)
		case <-timer.C:
			stop(errTimedOut)
		case <-ctx.Done():
			return
		}
		timer.Reset(cleanupGrace)
		select {
		case <-timer.C:
			cancel(context.Canceled)
		case <-ctx.Done():
		}
	}()
	executor, err := runner.New(job.config)
	if err == nil {
		err = executor.NewPlanExecutor(job.plan)(common.WithJobCancelContext(ctx, stopping))
	}
	run := job.plan.Stages[0].Runs[0].Job()
	conclusion := conclude(stopping, run.Result, err, log)
	if errors.Is(context.Cause(stopping), errTimedOut) {
		log.line("##[error]The job running on runner %s has exceeded the maximum execution time of %s.", todo.Runner, minutes(job.timeout))
	}
	log.completeJob()
	return Result{Conclusion: conclusion, Outputs: log.outputs(run.Outputs), Steps: log.steps(conclusion)}
}

// conclude decides what became of the job. A job that no step of was run did not succeed, whatever act says.
func conclude(stopping context.Context, result string, err error, log *jobLog) string {
	switch {
	case stopping.Err() != nil:
		return Cancelled
	case result == Success && err == nil:
		return Success
	case result == "" || result == Skipped:
		log.line("##[error]The job could not be run: %v", err)
		return Failure
	default:
		return Failure
	}
}

func minutes(d time.Duration) string {
	return strconv.FormatFloat(d.Minutes(), 'f', -1, 64) + " minutes"
}

// preparedJob is all that act needs.
type preparedJob struct {
	plan    *model.Plan
	config  *runner.Config
	timeout time.Duration
	control string // the folder through which the worker and the shells of its steps talk
}

// prepare makes the folders of the job, and of its definition a plan of one job. Whatever this stand-in does not run is
// an error here, before anything is started.
func prepare(todo order) (*preparedJob, error) {
	def := todo.Definition
	owner, name, _ := strings.Cut(def.Repository, "/")
	work := filepath.Join(todo.Root, todo.WorkFolder)
	if filepath.IsAbs(todo.WorkFolder) {
		work = todo.WorkFolder
	}
	workspace := filepath.Join(work, name, name)
	actions, temporary, control := filepath.Join(work, "_actions"), filepath.Join(work, "_temp"), filepath.Join(work, "_control")
	for _, folder := range []string{workspace, actions, temporary, control} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("creating the job's folders: %w", err)
		}
	}
	workflow, err := isolate(def)
	if err != nil {
		return nil, err
	}
	job := workflow.GetJob(def.Job)
	if err := refuse(job, workspace); err != nil {
		return nil, err
	}
	timeout, err := jobTimeout(job, def)
	if err != nil {
		return nil, err
	}
	event := filepath.Join(temporary, "event.json")
	content := []byte(def.Event)
	if len(content) == 0 || string(content) == "null" {
		content = []byte("{}")
	}
	if err := os.WriteFile(event, content, 0o600); err != nil {
		return nil, fmt.Errorf("writing the job's event: %w", err)
	}
	wrapSteps(job, workflow, filepath.Join(todo.Root, "bin", workerName), control)
	config := &runner.Config{
		Actor: def.Actor, EventName: def.EventName, EventPath: event, Workdir: workspace, ActionCacheDir: actions,
		ActionOfflineMode: true, LogOutput: true, AutoRemove: true, NoSkipCheckout: true, ConcurrentJobs: 1,
		Secrets: def.Secrets, Vars: def.Vars, Token: def.Secrets["GITHUB_TOKEN"], GitHubInstance: "github.com",
		Platforms: map[string]string{hostLabel: "-self-hosted"},
		Env:       jobVariables(todo, owner, workspace),
	}
	plan := &model.Plan{Stages: []*model.Stage{{Runs: []*model.Run{{Workflow: workflow, JobID: def.Job}}}}}
	return &preparedJob{plan: plan, config: config, timeout: timeout, control: control}, nil
}

// jobVariables are the default variables that act does not set by itself, or not rightly.
func jobVariables(todo order, owner, workspace string) map[string]string {
	def := todo.Definition
	server := strings.TrimSuffix(def.ServerURL, "/")
	return map[string]string{
		"GITHUB_RUN_ID":           strconv.FormatInt(def.RunID, 10),
		"GITHUB_RUN_ATTEMPT":      strconv.Itoa(max(def.Attempt, 1)),
		"GITHUB_REPOSITORY":       def.Repository,
		"GITHUB_REPOSITORY_OWNER": owner,
		"GITHUB_REF":              def.Ref,
		"GITHUB_WORKFLOW_REF":     path.Join(def.Repository, def.WorkflowPath) + "@" + def.Ref,
		"GITHUB_WORKFLOW_SHA":     def.SHA,
		"GITHUB_TRIGGERING_ACTOR": def.Actor,
		"GITHUB_SERVER_URL":       server,
		"GITHUB_API_URL":          server + "/api/v3",
		"GITHUB_GRAPHQL_URL":      server + "/api/graphql",
		"GITHUB_REF_PROTECTED":    "false",
		"SHA_REF":                 def.SHA, // where act looks for the commit; the shell of a step removes it
		"RUNNER_NAME":             todo.Runner,
		"RUNNER_ENVIRONMENT":      "self-hosted",
		"RUNNER_WORKSPACE":        filepath.Dir(workspace),
	}
}
