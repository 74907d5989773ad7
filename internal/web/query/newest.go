package query

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// Newest returns the newest jobs of every state and the newest machines, so many of each, with their histories.
func (q *Queries) Newest(ctx context.Context, most int) ([]fleet.Job, []fleet.Machine, error) {
	var jobs []fleet.Job
	for _, s := range order() {
		page, err := q.records.Jobs(ctx, s, "", most)
		if err != nil {
			return nil, nil, fmt.Errorf("listing the newest %s jobs: %w", s, err)
		}
		for _, j := range page.Jobs {
			jobs = append(jobs, j.Job)
		}
	}
	var machines []fleet.Machine
	for _, live := range []bool{true, false} {
		page, err := q.records.Machines(ctx, live, "", most)
		if err != nil {
			return nil, nil, fmt.Errorf("listing the newest machines: %w", err)
		}
		machines = append(machines, page.Machines...)
	}
	return jobs, machines, nil
}

// Oldest returns the jobs of a state that were made first.
func (q *Queries) Oldest(ctx context.Context, state fleet.JobState, most int) ([]view.Job, error) {
	jobs, err := q.records.OldestJobs(ctx, state, most)
	if err != nil {
		return nil, fmt.Errorf("listing the oldest %s jobs: %w", state, err)
	}
	out := make([]view.Job, 0, len(jobs))
	for _, j := range jobs {
		out = append(out, view.OfJob(j.Job, q.clock.Now()))
	}
	return out, nil
}

// FindJob returns one job's row, if there is such a job.
func (q *Queries) FindJob(ctx context.Context, id fleet.JobID) (j fleet.Job, ok bool, err error) {
	j, err = q.Job(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return fleet.Job{}, false, nil
	}
	return j, err == nil, err
}

// MachineOf reads the machine of a job's runner, if it is ours.
func MachineOf(j fleet.Job) (fleet.MachineID, bool) {
	parts := strings.Split(j.Machine, "/")
	if len(parts) != 3 {
		return fleet.MachineID{}, false
	}
	return fleet.MachineID{Site: fleet.Site{Environment: parts[0], Region: parts[1]}, ID: parts[2]}, true
}
