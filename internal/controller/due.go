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

// workDue looks at every row whose time has come. The index is a hint: each row is read again before anything is done.
func (c *Controller) workDue(ctx context.Context) error {
	for {
		rows, err := c.Records.DueRows(ctx, c.Clock.Now(), dueBatch)
		if err != nil {
			return err
		}
		for _, d := range rows {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the server stops
			}
			if err := c.lookAt(ctx, d); err != nil {
				c.Observer.FellBack(FallbackLook)
				c.Logger.WarnContext(ctx, "a look is put off", "row", d.Row.Key.Partition, "error", err)
			}
		}
		if len(rows) < dueBatch {
			return nil
		}
	}
}

func (c *Controller) lookAt(ctx context.Context, d record.Due) error {
	defer c.recovered("due row " + d.Row.Key.Partition)
	switch d.Kind {
	case record.DueLaunch:
		l, err := record.LaunchOf(d)
		if err != nil {
			return err
		}
		id := l.V.ID
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
		j, err := record.JobOf(d)
		if err != nil {
			return err
		}
		return c.lookAtJob(ctx, j.V.ID)
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
