package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// What one pass of the truth sweep asks at most of one repository: the rest follows in the next pass.
const (
	sweepRuns = 60
	sweepJobs = 20
)

// sweepGitHub asks GitHub what is queued: in every configured repository and in those with jobs lately. With webhooks it
// is their safety net, without them it is the source of jobs. It comes from both sides: runs that GitHub holds live, and
// jobs that our rows hold open.
func (c *Controller) sweepGitHub(ctx context.Context) error {
	repositories, err := c.repositories(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, r := range repositories {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the server stops
		}
		if err := c.sweepRepository(ctx, r); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// repositories lists those that the sweeps go through, each once.
func (c *Controller) repositories(ctx context.Context) ([]fleet.Repository, error) {
	active, err := c.Records.Repositories(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing active repositories: %w", err)
	}
	out := slices.Clone(c.Repositories)
	for _, a := range active {
		known := slices.ContainsFunc(out, func(r fleet.Repository) bool {
			return r.Host == a.Repository.Host && r.ID == a.Repository.ID
		})
		if !known {
			out = append(out, a.Repository)
		}
	}
	return out, nil
}

func (c *Controller) sweepRepository(ctx context.Context, r fleet.Repository) error {
	began := c.Clock.Now()
	runs, err := c.github(ctx).LiveRuns(r)
	if err != nil {
		return err
	}
	slices.Sort(runs)
	if len(runs) > sweepRuns { // begin elsewhere each time, so that every run has its turn
		at := int(c.Random.Uint64() % uint64(len(runs)))
		runs = append(slices.Clone(runs[at:]), runs[:at]...)[:sweepRuns]
	}
	every := min(listingEvery, c.ScanInterval/2) // a scan that is wanted more often asks more often; an unchanged answer is free
	for _, run := range runs {
		if _, err := c.listRun(ctx, r, run, began.Add(-every), every); err != nil {
			return err
		}
	}
	return c.sweepOpenJobs(ctx, r, runs, began)
}

// sweepOpenJobs looks up jobs that our rows hold open while GitHub does not hold their run live: their end was lost.
func (c *Controller) sweepOpenJobs(ctx context.Context, r fleet.Repository, live []int64, began time.Time) error {
	open, err := c.Records.OpenJobs(ctx, r.Host, r.ID)
	if err != nil {
		return err
	}
	asked := 0
	for _, e := range open {
		if slices.Contains(live, e.Run) || began.Sub(latest(e.Confirmed, e.Created)) < c.ScanInterval {
			continue
		}
		if asked++; asked > sweepJobs {
			return nil
		}
		if err := c.lookUp(ctx, r, e.Job.ID); err != nil {
			return err
		}
	}
	return nil
}
