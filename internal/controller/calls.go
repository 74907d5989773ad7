package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// githubDeadline bounds one question to GitHub, pages included.
const githubDeadline = 20 * time.Second

// deadlined is GitHub with a deadline on every call.
type deadlined struct {
	c   *Controller
	ctx context.Context //nolint:containedctx // lives for one call
}

func (c *Controller) github(ctx context.Context) deadlined { return deadlined{c, ctx} }

func (d deadlined) Job(r fleet.Repository, id int64) (fleet.Sighting, error) {
	ctx, cancel := d.c.Clock.WithTimeout(d.ctx, githubDeadline)
	defer cancel()
	s, err := d.c.GitHub.Job(ctx, r, id)
	if err != nil {
		return s, fmt.Errorf("asking for job %d of %s: %w", id, r.FullName(), err)
	}
	return s, nil
}

func (d deadlined) RunJobs(r fleet.Repository, run int64) ([]fleet.Sighting, error) {
	ctx, cancel := d.c.Clock.WithTimeout(d.ctx, githubDeadline)
	defer cancel()
	s, err := d.c.GitHub.RunJobs(ctx, r, run)
	if err != nil {
		return nil, fmt.Errorf("listing the jobs of run %d of %s: %w", run, r.FullName(), err)
	}
	return s, nil
}

func (d deadlined) LiveRuns(r fleet.Repository) ([]int64, error) {
	ctx, cancel := d.c.Clock.WithTimeout(d.ctx, githubDeadline)
	defer cancel()
	runs, _, err := d.c.GitHub.LiveRuns(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("listing the runs of %s: %w", r.FullName(), err)
	}
	return runs, nil
}

func (d deadlined) Runners(r fleet.Repository) ([]RunnerTruth, error) {
	ctx, cancel := d.c.Clock.WithTimeout(d.ctx, githubDeadline)
	defer cancel()
	runners, err := d.c.GitHub.Runners(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("listing the runners of %s: %w", r.FullName(), err)
	}
	return runners, nil
}

func (d deadlined) Mint(r MintRequest) (Registration, error) {
	ctx, cancel := d.c.Clock.WithTimeout(d.ctx, githubDeadline)
	defer cancel()
	reg, err := d.c.GitHub.Mint(ctx, r)
	if err != nil {
		return reg, fmt.Errorf("registering runner %s: %w", r.Name, err)
	}
	return reg, nil
}

// Delete removes a registration by id, or by name if the id is not known.
func (d deadlined) Delete(runner fleet.Runner) (Deletion, error) {
	answer, err := d.delete(runner)
	d.c.observeDeletion(answer, err)
	return answer, err
}

func (d deadlined) delete(runner fleet.Runner) (Deletion, error) {
	r := runner.Repository
	ctx, cancel := d.c.Clock.WithTimeout(d.ctx, githubDeadline)
	defer cancel()
	id := runner.ID
	if id == 0 {
		found, err := d.c.GitHub.FindRunner(ctx, r, runner.Name)
		if err != nil {
			return 0, fmt.Errorf("looking for runner %s: %w", runner.Name, err)
		}
		id = found.ID
	}
	answer, err := d.c.GitHub.DeleteRunner(ctx, r, id)
	if err != nil {
		return 0, fmt.Errorf("deleting runner %s: %w", runner.Name, err)
	}
	return answer, nil
}
