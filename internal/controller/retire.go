package controller

import (
	"context"
	"errors"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// deleteRunners asks GitHub to forget the machine's registrations: all names that it ever had (rules 4.3, 6.1, 6.2). A busy
// one keeps the machine.
func (c *Controller) deleteRunners(ctx context.Context, m kept) error {
	deleted := map[string]bool{}
	busy := ""
	for _, r := range m.V.Undeleted() {
		answer, err := c.github(ctx).Delete(r)
		switch {
		case errors.Is(err, ErrNoRunner), answer == Deleted, answer == Absent:
			deleted[r.Name] = true
		case err != nil:
			return err
		default:
			busy = r.Name
		}
	}
	return c.changeMachine(ctx, m.V.ID, func(x *fleet.Machine, now time.Time) bool {
		for i := range x.Runners {
			if deleted[x.Runners[i].Name] {
				x.Runners[i].Deleted = now
			}
		}
		if busy != "" {
			x.Again = now.Add(fleet.AskAgain)
			x.History = x.History.Add(now, "busy", "GitHub says that runner "+busy+" is busy; it is asked again.")
			return true
		}
		if x.State == fleet.MachineRetiring && x.Retire != nil && len(x.Undeleted()) == 0 {
			r := *x.Retire
			r.Answered, r.Silent = now, !r.Confirmed
			x.Retire = &r
		}
		return true
	})
}

// whoRunsOn asks GitHub for every job, not completed in our rows, that a silent machine's runner could have been given. If
// none names the machine it may go; if one does, it is working again (rule 6.2). An unknown answer keeps it.
func (c *Controller) whoRunsOn(ctx context.Context, m kept) error {
	jobs, err := c.candidates(ctx, m.V)
	if err != nil {
		return err
	}
	c.Observer.FellBack(FallbackAskedGitHub)
	running := false
	for _, id := range jobs {
		truth, err := c.github(ctx).Job(m.V.Repository, id)
		if errors.Is(err, ErrNoJob) {
			continue
		}
		if err != nil {
			return err
		}
		if err := c.Apply(ctx, truth); err != nil {
			return err
		}
		running = running || truth.State == fleet.JobInProgress && m.V.Named(truth.Runner)
	}
	return c.changeMachine(ctx, m.V.ID, func(x *fleet.Machine, now time.Time) bool {
		if x.State != fleet.MachineRetiring || x.Retire == nil || x.Retire.Answered.IsZero() {
			return false
		}
		if running {
			x.Retire = nil
			*x = x.To(fleet.MachineWorking, now, "Its agent is silent, but GitHub says that it runs a job.")
			x.Lease = now.Add(silentWork)
			return true
		}
		r := *x.Retire
		r.Cleared = true
		x.Retire = &r
		return true
	})
}

// silentWork is when a machine whose agent is silent while GitHub says that it works is doubted anew.
const silentWork = 5 * time.Minute

// candidates lists the jobs, not completed in our rows, that the machine's runner could match.
func (c *Controller) candidates(ctx context.Context, m fleet.Machine) ([]int64, error) {
	open, err := c.Records.OpenJobs(ctx, m.Repository.Host, m.Repository.ID)
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, e := range open {
		if fleet.Matches(m.Labels, e.Folded) {
			out = append(out, e.Job.ID)
		}
	}
	return out, nil
}
