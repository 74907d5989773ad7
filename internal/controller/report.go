package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

const (
	// reportAgain is when a report that failed, or was interrupted, is tried again.
	reportAgain = 30 * time.Second
	// reportGather lets the jobs of a matrix, which share their mistake, arrive before it is told.
	reportGather = 500 * time.Millisecond
	// reportMost bounds the jobs that one report names.
	reportMost = 50
)

// reportSoon tells the author of a refused job on the commit.
func (c *Controller) reportSoon(ctx context.Context, id fleet.JobID) {
	c.spawn(ctx, fmt.Sprintf("report on job %d", id.ID), func(ctx context.Context) {
		ctx = context.WithoutCancel(ctx)
		if err := c.Clock.Sleep(ctx, reportGather); err != nil {
			return
		}
		if err := c.report(ctx, id); err != nil {
			c.Observer.FellBack(FallbackReport)
			c.Logger.WarnContext(ctx, "the author could not be told on the commit; trying again", "job", id.ID, "error", err)
		}
	})
}

// report tells once per (commit, error), naming every job that has it, and cancels the run if so configured.
func (c *Controller) report(ctx context.Context, id fleet.JobID) error {
	row, err := c.Records.Job(ctx, id)
	if err != nil {
		return err
	}
	j := row.V.Job
	if !row.Exists() || !untold(j) {
		return nil
	}
	key := fmt.Sprintf("report/%s/%d/%s/%s", id.Host, j.Repository.ID, j.HeadSHA, j.Problem.Detail)
	if !c.calls.begin(key) {
		return nil // another job's report names this one
	}
	defer c.calls.end(key)
	same, err := c.sameProblem(ctx, j)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(same, untold) {
		return nil
	}
	if j.HeadSHA != "" {
		callCtx, cancel := c.Clock.WithTimeout(ctx, githubDeadline)
		defer cancel()
		err := c.GitHub.Report(callCtx, CommitReport{
			Repository: j.Repository, SHA: j.HeadSHA, Title: j.Problem.Title, Summary: problemText(same), URL: c.DashboardURL, Failed: true,
		})
		if err != nil {
			return fmt.Errorf("reporting on commit %s: %w", j.HeadSHA, err)
		}
	}
	for _, s := range same {
		if !untold(s) {
			continue
		}
		if err := c.told(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func untold(j fleet.Job) bool {
	return j.Problem != nil && j.Problem.Reported.IsZero() && !j.Over()
}

// sameProblem returns the open jobs of the commit that have the job's problem, itself included.
func (c *Controller) sameProblem(ctx context.Context, j fleet.Job) ([]fleet.Job, error) {
	open, err := c.Records.OpenJobs(ctx, j.ID.Host, j.Repository.ID)
	if err != nil {
		return nil, err
	}
	var out []fleet.Job
	for _, e := range open {
		if e.Run != j.Run && j.HeadSHA == "" || e.Job != j.ID && len(out) >= reportMost {
			continue
		}
		row, err := c.Records.Job(ctx, e.Job)
		if err != nil {
			return nil, err
		}
		s := row.V.Job
		if s.Problem != nil && s.HeadSHA == j.HeadSHA && s.Problem.Detail == j.Problem.Detail {
			out = append(out, s)
		}
	}
	return out, nil
}

// told notes that the author knows, and cancels the run if so configured.
func (c *Controller) told(ctx context.Context, j fleet.Job) error {
	if c.CancelOnLabelError {
		callCtx, cancel := c.Clock.WithTimeout(ctx, githubDeadline)
		defer cancel()
		if err := c.GitHub.CancelRun(callCtx, j.Repository, j.Run); err != nil {
			return fmt.Errorf("cancelling run %d: %w", j.Run, err)
		}
	}
	return c.changeJob(ctx, j.ID, func(j *fleet.Job, now time.Time) bool {
		if j.Problem == nil {
			return false
		}
		p := *j.Problem
		p.Reported = now
		j.Problem = &p
		j.History = j.History.Add(now, "reported", "The author was told on the commit.")
		return true
	})
}

func problemText(jobs []fleet.Job) string {
	names := make([]string, len(jobs))
	for i, j := range jobs {
		names[i] = fmt.Sprintf("- **%s** with `runs-on: [%s]`", j.Name, strings.Join(j.Labels, ", "))
	}
	slices.Sort(names)
	return jobs[0].Problem.Detail + "\n\nThis concerns:\n\n" + strings.Join(names, "\n")
}
