package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// dueBatch is how many due rows one pass takes from each shard; the next pass follows at once while there are more.
const dueBatch = 100

// tryAgain is when a look that met an unknown answer is repeated.
const tryAgain = 15 * time.Second

// workDue looks at every row whose time has come. The index is a hint: each row is read again before anything is done. Rows whose
// time comes before the next pass at the latest are read with them, and the first of these says when that pass is.
func (c *Controller) workDue(ctx context.Context) error {
	for {
		now := c.Clock.Now()
		next := now.Add(c.dueMost())
		rows, err := c.Records.DueRows(ctx, next, dueBatch)
		if err != nil {
			return err
		}
		due := 0
		for _, d := range rows {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the server stops
			}
			if at, err := d.Time(); err == nil && at.After(now) {
				next = earlier(next, at)
				continue
			}
			due++
			if err := c.lookAt(ctx, d); err != nil {
				c.Observer.FellBack(FallbackLook)
				c.Logger.WarnContext(ctx, "a look is put off", "row", d.Row.Key.Partition, "error", err)
			}
		}
		if due < dueBatch {
			c.dues.plan(next)
			return nil
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (c *Controller) lookAt(ctx context.Context, d record.Due) error {
	defer c.recovered("due row " + d.Row.Key.Partition)
	switch d.Kind {
	case record.DueLaunch:
		id := record.LaunchOf(d)
		c.spawn(ctx, "launch "+id, func(ctx context.Context) { c.call(ctx, id) })
		return nil
	case record.DueMachine:
		id, err := record.MachineOf(d)
		if err != nil {
			return err
		}
		if !c.calls.begin(id.String()) {
			return nil
		}
		c.spawn(ctx, "machine "+id.String(), func(ctx context.Context) {
			defer c.calls.end(id.String())
			c.lookAtMachine(ctx, id)
		})
		return nil
	case record.DueJob:
		id, err := record.JobOf(d)
		if err != nil {
			return err
		}
		return c.lookAtJob(ctx, id)
	default:
		return fmt.Errorf("due row of unknown kind %q", d.Kind) //nolint:err113 // a bug
	}
}

// lookAtJob asks GitHub about a job that nobody has spoken of for long.
func (c *Controller) lookAtJob(ctx context.Context, id fleet.JobID) error {
	kept, err := c.Records.Job(ctx, id)
	if err != nil {
		return err
	}
	j := kept.V
	if !kept.Exists() || j.Due.IsZero() || c.Clock.Now().Before(j.Due) {
		return nil
	}
	if next := nextJobLook(j.Job); c.Clock.Now().Before(next) {
		return c.planLook(ctx, id, next)
	}
	if j.Problem != nil && j.Problem.Reported.IsZero() {
		err = c.report(ctx, id)
	} else {
		err = c.lookUp(ctx, j.Repository, id.ID)
		if !j.BackoffUntil.IsZero() {
			c.hints.now(j.Shape)
		}
	}
	return errors.Join(err, c.putOff(ctx, id, err))
}

// planLook writes when a job that was looked at too early is to be looked at.
func (c *Controller) planLook(ctx context.Context, id fleet.JobID, at time.Time) error {
	return c.retry(ctx, func() error {
		kept, err := c.Records.Job(ctx, id)
		if err != nil || !kept.Exists() || kept.V.Due.IsZero() || !kept.V.Due.Before(at) {
			return err
		}
		row := kept.V
		row.Due = at
		return c.Records.Commit(ctx, c.Records.PutJob(kept, row, keepJobs))
	})
}

// putOff makes sure that a job that was looked at is not due at once again.
func (c *Controller) putOff(ctx context.Context, id fleet.JobID, cause error) error {
	return c.retry(ctx, func() error {
		kept, err := c.Records.Job(ctx, id)
		now := c.Clock.Now()
		if err != nil || !kept.Exists() || kept.V.Due.IsZero() || now.Before(kept.V.Due) {
			return err
		}
		wait := 2 * time.Minute
		if cause != nil {
			wait = tryAgain
		}
		var budget *BudgetError
		if errors.As(cause, &budget) && budget.Until.Sub(now) > wait {
			wait = budget.Until.Sub(now)
		}
		row := kept.V
		row.Due = now.Add(wait)
		return c.Records.Commit(ctx, c.Records.PutJob(kept, row, keepJobs))
	})
}
