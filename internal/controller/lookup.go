package controller

import (
	"context"
	"errors"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// lookUp asks GitHub for a job and applies the answer.
func (c *Controller) lookUp(ctx context.Context, repository fleet.Repository, id int64) error {
	truth, err := c.github(ctx).Job(repository, id)
	if errors.Is(err, ErrNoJob) {
		return c.forget(ctx, fleet.JobID{Host: repository.Host, ID: id})
	}
	if err != nil {
		return err
	}
	return c.Apply(ctx, truth)
}

// forget ends a job that GitHub no longer knows: its run was deleted.
func (c *Controller) forget(ctx context.Context, id fleet.JobID) error {
	kept, err := c.Records.Job(ctx, id)
	if err != nil || !kept.Exists() || kept.V.Over() {
		return err
	}
	now := c.Clock.Now()
	return c.Apply(ctx, fleet.Sighting{
		Job: id.ID, Run: kept.V.Run, Repository: kept.V.Repository, State: fleet.JobCompleted, Conclusion: "deleted",
		Authoritative: true, Asked: now,
	})
}
