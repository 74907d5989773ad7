package api

import (
	"context"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

type jobsInput struct {
	State      string `query:"state" enum:"waiting,queued,in_progress,completed" doc:"Only jobs in this state"`
	Repository string `query:"repository" doc:"Only jobs of this repository, owner/name" maxLength:"200"`
	Q          string `query:"q" doc:"Only jobs with this text in their repository, name, workflow, branch, runner, labels or ids" maxLength:"200"`
	Cursor     string `query:"cursor" doc:"The next of the page before" maxLength:"4096"`
	Limit      int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The most jobs of the page; with filters it may have fewer although there is a next one"`
}

type jobInput struct {
	ID int64 `path:"id" doc:"GitHub's id of the job"`
}

type hostJobInput struct {
	Host string `path:"host" doc:"The GitHub host"`
	ID   int64  `path:"id" doc:"GitHub's id of the job"`
}

// logOutput is plain text.
type logOutput struct {
	ContentType string `header:"Content-Type"`
	Source      string `header:"Log-Source" doc:"github: the job's log; agent: the end of what the runner on the machine says"`
	Body        []byte
}

func (h *handlers) registerJobs(a huma.API) {
	huma.Register(a, get("list-jobs", "/jobs", "Jobs: queued, waiting for an approval, running, ended; newest first in each"), h.jobs)
	const host = "/jobs/{host}/{id}"
	huma.Register(a, get("get-job", "/jobs/{id}", "A job of the server's GitHub host"), h.ofHost(h.job))
	huma.Register(a, get("get-job-of-host", host, "A job"), h.job)
	huma.Register(a, get("why-job", "/jobs/{id}/why", "Why a job of the server's GitHub host waits"), h.ofHostWhy)
	huma.Register(a, get("why-job-of-host", host+"/why", "Why a job waits"), h.why)
	huma.Register(a, get("log-job", "/jobs/{id}/log", "The log of a job of the server's GitHub host"), h.ofHostLog)
	huma.Register(a, get("log-job-of-host", host+"/log", "The log of a job: GitHub's once it has ended, else what the agent sees"), h.log)
}

func (h *handlers) jobs(ctx context.Context, in *jobsInput) (*body[view.JobPage], error) {
	page, err := h.Queries.Jobs(ctx, query.Filter{
		State: fleet.JobState(in.State), Repository: in.Repository, Text: in.Q, Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, h.fail(ctx, "listing jobs", err)
	}
	return &body[view.JobPage]{page}, nil
}

func (h *handlers) ofHost(
	f func(context.Context, *hostJobInput) (*body[view.JobDetails], error),
) func(context.Context, *jobInput) (*body[view.JobDetails], error) {
	return func(ctx context.Context, in *jobInput) (*body[view.JobDetails], error) { return f(ctx, h.here(in)) }
}

func (h *handlers) ofHostWhy(ctx context.Context, in *jobInput) (*body[view.Why], error) {
	return h.why(ctx, h.here(in))
}

func (h *handlers) ofHostLog(ctx context.Context, in *jobInput) (*logOutput, error) {
	return h.log(ctx, h.here(in))
}

// here names the server's own GitHub host, for a job id without one.
func (h *handlers) here(in *jobInput) *hostJobInput {
	return &hostJobInput{Host: h.About.GitHub, ID: in.ID}
}

func (in *hostJobInput) job() fleet.JobID { return fleet.JobID{Host: in.Host, ID: in.ID} }

func (h *handlers) job(ctx context.Context, in *hostJobInput) (*body[view.JobDetails], error) {
	j, err := h.Queries.Job(ctx, in.job())
	if err != nil {
		return nil, h.fail(ctx, "reading a job", err)
	}
	out := view.JobDetails{Job: view.OfJob(j, h.Clock.Now()), History: view.OfHistory(j.History)}
	if j.State == fleet.JobQueued || j.State == fleet.JobWaiting {
		if out.Why, err = h.Why(ctx, j.ID); err != nil {
			return nil, h.fail(ctx, "explaining a job", err)
		}
	}
	return &body[view.JobDetails]{out}, nil
}

func (h *handlers) why(ctx context.Context, in *hostJobInput) (*body[view.Why], error) {
	j, err := h.Queries.Job(ctx, in.job())
	if err != nil {
		return nil, h.fail(ctx, "reading a job", err)
	}
	reason, err := h.Why(ctx, j.ID)
	if err != nil {
		return nil, h.fail(ctx, "explaining a job", err)
	}
	return &body[view.Why]{view.Why{Job: j.ID.ID, State: string(j.State), Reason: reason, At: h.Clock.Now()}}, nil
}

// logDeadline bounds a call to GitHub for a log.
const logDeadline = 30 * time.Second

func (h *handlers) log(ctx context.Context, in *hostJobInput) (*logOutput, error) {
	j, err := h.Queries.Job(ctx, in.job())
	if err != nil {
		return nil, h.fail(ctx, "reading a job", err)
	}
	out := &logOutput{ContentType: "text/plain; charset=utf-8"}
	if j.Over() {
		ctx, cancel := h.Clock.WithTimeout(ctx, logDeadline)
		defer cancel()
		if out.Body, err = h.JobLog(ctx, j.Repository, j.ID.ID); err != nil {
			h.Logger.WarnContext(ctx, "reading a job's log from GitHub", "job", j.ID.ID, "error", err)
			return nil, huma.Error502BadGateway("GitHub did not give the job's log: a job that never ran has none, and old logs are deleted; " +
				"the server's log has GitHub's answer")
		}
		out.Source = "github"
		return out, nil
	}
	id, ok := query.MachineOf(j)
	if !ok {
		return nil, huma.Error404NotFound(fmt.Sprintf("job %d has no log yet: no machine of this fleet has it", j.ID.ID))
	}
	m, err := h.Queries.Machine(ctx, id)
	if err != nil {
		return nil, h.fail(ctx, "reading a job's machine", err)
	}
	out.Source, out.Body = "agent", []byte(m.Diagnostics)
	return out, nil
}
