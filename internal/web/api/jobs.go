package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

type jobsInput struct {
	State      string `query:"state" enum:"waiting,queued,in_progress,completed" doc:"Only jobs in this state"`
	Repository string `query:"repository" doc:"Only jobs of this repository, owner/name" example:"acme/shop" maxLength:"200"`
	Q          string `query:"q" doc:"Only jobs with this text in their repository, name, workflow, branch, runner, labels or ids" maxLength:"200"`
	Cursor     string `query:"cursor" doc:"The next of the page before" maxLength:"4096"`
	Limit      int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The most jobs of the page; with filters it may have fewer although there is a next one"`
}

type jobInput struct {
	ID int64 `path:"id" doc:"GitHub's id of the job" example:"39201480004"`
}

type hostJobInput struct {
	Host string `path:"host" doc:"The GitHub host" example:"github.com"`
	ID   int64  `path:"id" doc:"GitHub's id of the job" example:"39201480004"`
}

// logOutput is plain text.
type logOutput struct {
	ContentType string `header:"Content-Type"`
	Source      string `header:"Log-Source" enum:"github,agent,machine" doc:"github: the job's log; agent: the end of what the runner on the machine says; machine: what the machine printed"`
	Body        []byte
}

func (h *handlers) registerJobs(a huma.API) {
	huma.Register(a, operation{
		id: "list-jobs", tag: tagJobs, path: "/jobs", summary: "List jobs",
		description: "Queued jobs, those that wait for an approval, running and ended ones; the newest first in each state. The search looks through the newest " +
			"jobs and returns a next where older ones remain to be searched.",
	}.get(), h.jobs)
	for _, of := range []struct{ suffix, path, note string }{
		{"", "/jobs/{id}", " The job is of the server's own GitHub host."}, {"-of-host", "/jobs/{host}/{id}", ""},
	} {
		one := operation{
			id: "get-job" + of.suffix, tag: tagJobs, path: of.path, summary: "Get a job",
			description: "With its history and, while it waits, why." + of.note, errors: []int{http.StatusNotFound},
		}
		why := operation{
			id: "why-job" + of.suffix, tag: tagJobs, path: of.path + "/why", summary: "Say why a job waits",
			description: "One plain sentence: what holds the job up, or what became of it." + of.note, errors: []int{http.StatusNotFound},
		}
		log := operation{
			id: "log-job" + of.suffix, tag: tagJobs, path: of.path + "/log", summary: "Get a job's log",
			description: "GitHub's once the job has ended; while it runs, the end of what the runner on its machine says. The header Log-Source says which." + of.note,
			errors:      []int{http.StatusNotFound, http.StatusBadGateway},
		}
		logAs := text(log.get(), "The log", "2026-03-14T12:00:00.0000000Z Current runner version: '2.331.0'\n")
		if of.suffix == "" {
			huma.Register(a, one.get(), h.ofHost(h.job))
			huma.Register(a, why.get(), h.ofHostWhy)
			huma.Register(a, logAs, h.ofHostLog)
			continue
		}
		huma.Register(a, one.get(), h.job)
		huma.Register(a, why.get(), h.why)
		huma.Register(a, logAs, h.log)
	}
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
