package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// attributed writes the machine whose runner GitHub named (rules 1.11, 5.1). It returns the machine, if it is ours.
func (c *Controller) attributed(ctx context.Context, job *fleet.Job, change fleet.Change, now time.Time, writes *[][]store.Write) (record.Kept[fleet.Machine], error) {
	runner := change.Attribute
	pointer, err := c.Records.MachineOfRunner(ctx, job.ID.Host, runner)
	if err != nil || !pointer.Exists() {
		return record.Kept[fleet.Machine]{}, err
	}
	kept, err := c.Records.Machine(ctx, pointer.V.Machine)
	if err != nil || !kept.Exists() {
		return record.Kept[fleet.Machine]{}, err
	}
	if runner == job.Runner {
		job.Machine = pointer.V.Machine.String()
	}
	m, changed := attribute(kept.V, *job, change, now)
	if !changed {
		return record.Kept[fleet.Machine]{}, nil
	}
	*writes = append(*writes, c.putMachine(kept, m))
	return kept, nil
}

// attribute says what a sighting of a job that names one of a machine's runners does to the machine. Pure.
func attribute(m fleet.Machine, job fleet.Job, change fleet.Change, now time.Time) (fleet.Machine, bool) {
	changed := false
	if m.Job != job.ID.ID && (m.Job == 0 || job.State == fleet.JobInProgress) {
		m.Job, m.JobNamed, m.JobEnded = job.ID.ID, now, time.Time{}
		m.History = m.History.Add(now, "job", fmt.Sprintf("GitHub says that it runs job %d (%s).", job.ID.ID, job.Name))
		changed = true
	}
	// Rule 6.3: the newest registration only, and only if the job ended on it. A late in_progress may name a runner that GitHub
	// took the job from before it ended elsewhere.
	if change.Ended && m.Job == job.ID.ID && m.JobEnded.IsZero() && m.Newest() != nil && m.Newest().Name == change.Attribute {
		m.JobEnded = now
		changed = true
	}
	switch m.State {
	case fleet.MachineAssigned, fleet.MachineListening:
		m = m.To(fleet.MachineWorking, now, "GitHub gave it a job.")
		changed = true
	case fleet.MachineRetiring:
		if job.State == fleet.JobInProgress && !m.Retire.Goodbye && !m.Retire.Confirmed {
			m.Retire = nil
			m = m.To(fleet.MachineWorking, now, "It was to end, but GitHub gave it a job.") // rule 6.1
			changed = true
		}
	default:
	}
	return m, changed
}

// runnersOver says whether every runner that the rows attribute to the job is gone, not ours, or at work on another job as
// a GET shows (rule 5.3).
func (c *Controller) runnersOver(ctx context.Context, job fleet.Job) (bool, error) {
	for _, name := range job.Runners() {
		pointer, err := c.Records.MachineOfRunner(ctx, job.ID.Host, name)
		if err != nil {
			return false, err
		}
		if !pointer.Exists() {
			continue
		}
		m, err := c.Records.Machine(ctx, pointer.V.Machine)
		if err != nil {
			return false, err
		}
		if !m.Exists() || !m.V.Live() {
			continue
		}
		if m.V.Job == 0 || m.V.Job == job.ID.ID {
			return false, nil
		}
		truth, err := c.github(ctx).Job(m.V.Repository, m.V.Job)
		if err != nil {
			return false, err
		}
		if truth.State != fleet.JobInProgress || !m.V.Named(truth.Runner) {
			return false, nil
		}
	}
	return true, nil
}
