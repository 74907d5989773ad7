package github

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Job asks for one job. Whether its run is alive costs a second call, made only for a job that no runner has.
func (c *Client) Job(ctx context.Context, repository fleet.Repository, id int64) (fleet.Sighting, error) {
	k := read(fmt.Sprintf("asking for job %d of %s", id, repository.FullName()), repository, grantRead, laneJobs)
	if err := checkNames(repository); err != nil {
		return fleet.Sighting{}, fmt.Errorf("%s: %w", k.doing, err)
	}
	asked := c.clock.Now()
	key := fmt.Sprintf("%s job %d", nameKey(repository), id)
	job, got, _, err := again(ctx, c, k, key, func(ctx context.Context) (*gh.WorkflowJob, *gh.Response, error) {
		return c.api.Actions.GetWorkflowJobByID(ctx, repository.Owner, repository.Name, id)
	})
	if err != nil {
		return fleet.Sighting{}, err
	}
	if got.status == http.StatusNotFound {
		if err = c.confirmAbsent(ctx, k); err != nil {
			return fleet.Sighting{}, err
		}
		return fleet.Sighting{}, fmt.Errorf("%s: %w", k.doing, controller.ErrNoJob)
	}
	if got.status != http.StatusOK {
		return fleet.Sighting{}, k.fail(got)
	}
	sighting, err := sightingOf(job, repository, asked)
	if err != nil {
		return fleet.Sighting{}, fmt.Errorf("%s: %w", k.doing, err)
	}
	sightings := []fleet.Sighting{sighting}
	if err = c.sayIfAlive(ctx, sightings); err != nil {
		return fleet.Sighting{}, err
	}
	return sightings[0], nil
}

// RunJobs lists the jobs of a run's latest attempt. A run that has been deleted has none.
func (c *Client) RunJobs(ctx context.Context, repository fleet.Repository, run int64) ([]fleet.Sighting, error) {
	k := read(fmt.Sprintf("listing the jobs of run %d of %s", run, repository.FullName()), repository, grantRead, laneJobs)
	if err := checkNames(repository); err != nil {
		return nil, fmt.Errorf("%s: %w", k.doing, err)
	}
	asked := c.clock.Now()
	var found []fleet.Sighting
	err := c.pages(func(o gh.ListOptions) (int, error) {
		key := fmt.Sprintf("%s jobs of %d page %d", nameKey(repository), run, o.Page)
		page, got, next, err := again(ctx, c, k, key, func(ctx context.Context) (*gh.Jobs, *gh.Response, error) {
			return c.api.Actions.ListWorkflowJobs(ctx, repository.Owner, repository.Name, run,
				&gh.ListWorkflowJobsOptions{Filter: "latest", ListOptions: o})
		})
		switch {
		case err != nil:
			return 0, err
		case got.status == http.StatusNotFound:
			return 0, c.confirmAbsent(ctx, k)
		case got.status != http.StatusOK:
			return 0, k.fail(got)
		}
		for _, job := range page.Jobs {
			sighting, err := sightingOf(job, repository, asked)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", k.doing, err)
			}
			found = append(found, sighting)
		}
		return next, nil
	})
	if err != nil {
		return nil, err
	}
	if err = c.sayIfAlive(ctx, found); err != nil {
		return nil, err
	}
	return found, nil
}

// sayIfAlive sets RunAlive of sightings of one run. A job that runs proves that its run is alive, and of one that has
// ended nobody asks; only for one that waits is the run asked for, after the job, so that a run that ended in between
// counts as over.
func (c *Client) sayIfAlive(ctx context.Context, sightings []fleet.Sighting) error {
	open, running := false, false
	for _, s := range sightings {
		open = open || s.State == fleet.JobQueued || s.State == fleet.JobWaiting
		running = running || s.State == fleet.JobInProgress
	}
	alive := running
	if open {
		var err error
		if alive, err = c.runAlive(ctx, sightings[0].Repository, sightings[0].Run); err != nil {
			return err
		}
	}
	for i := range sightings {
		sightings[i].RunAlive = alive
	}
	return nil
}

// sightingOf maps a job of the API. An unknown status is an error, since guessing could count as a job's end.
func sightingOf(job *gh.WorkflowJob, repository fleet.Repository, asked time.Time) (fleet.Sighting, error) {
	state, ok := stateOf(job.GetStatus())
	if !ok || job.GetID() == 0 || job.GetRunID() == 0 {
		return fleet.Sighting{}, fmt.Errorf("job %d of run %d has the unknown status %q", job.GetID(), job.GetRunID(), job.GetStatus())
	}
	s := fleet.Sighting{
		Job: job.GetID(), Run: job.GetRunID(), Attempt: int(job.GetRunAttempt()), Repository: repository, State: state,
		Runner: job.GetRunnerName(), RunnerID: job.GetRunnerID(), Labels: slices.Clone(job.Labels), Name: job.GetName(), Workflow: job.GetWorkflowName(),
		HeadSHA: job.GetHeadSHA(), Branch: job.GetHeadBranch(), URL: job.GetHTMLURL(),
		Created: job.GetCreatedAt().UTC(), Started: job.GetStartedAt().UTC(), Ended: job.GetCompletedAt().UTC(),
		Authoritative: true, Asked: asked,
	}
	if state == fleet.JobCompleted {
		s.Conclusion = job.GetConclusion()
	}
	return s, nil
}

// stateOf maps GitHub's status of a job. A job is requested while its run is being made, and pending while its
// concurrency group is taken: no runner may have it yet, which is what waiting means here.
func stateOf(status string) (fleet.JobState, bool) {
	switch status {
	case "requested", "pending", "waiting":
		return fleet.JobWaiting, true
	case "queued":
		return fleet.JobQueued, true
	case "in_progress":
		return fleet.JobInProgress, true
	case "completed":
		return fleet.JobCompleted, true
	default:
		return "", false
	}
}
