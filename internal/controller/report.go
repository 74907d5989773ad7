package controller

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// reportAgain is when a report that failed, or was interrupted, is tried again.
const reportAgain = 30 * time.Second

// report tells the author of a refused job on the commit, once per (commit, error), and cancels the run if so configured.
func (c *Controller) report(ctx context.Context, id fleet.JobID) error {
	kept, err := c.Records.Job(ctx, id)
	if err != nil {
		return err //nolint:wrapcheck // says what was read
	}
	j := kept.V
	if !kept.Exists() || j.Problem == nil || !j.Problem.Reported.IsZero() || j.Over() {
		return nil
	}
	if j.HeadSHA != "" {
		callCtx, cancel := c.Clock.WithTimeout(ctx, githubDeadline)
		defer cancel()
		err := c.GitHub.Report(callCtx, CommitReport{
			Repository: j.Repository, SHA: j.HeadSHA, Title: j.Problem.Title, Summary: problemText(j.Job), URL: c.DashboardURL, Failed: true,
		})
		if err != nil {
			return fmt.Errorf("reporting on commit %s: %w", j.HeadSHA, err)
		}
	}
	if c.CancelOnLabelError {
		callCtx, cancel := c.Clock.WithTimeout(ctx, githubDeadline)
		defer cancel()
		if err := c.GitHub.CancelRun(callCtx, j.Repository, j.Run); err != nil {
			return fmt.Errorf("cancelling run %d: %w", j.Run, err)
		}
	}
	return c.changeJob(ctx, id, func(j *fleet.Job, now time.Time) bool {
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

func problemText(j fleet.Job) string {
	return fmt.Sprintf("Job **%s** asks for `runs-on: [%s]` and cannot be served.\n\n%s", j.Name, strings.Join(j.Labels, ", "), j.Problem.Detail)
}
