package webtest

import (
	"context"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Backlog says how many jobs of each state a large fleet has.
type Backlog struct{ Ended, Running, Queued, Waiting int }

// batch is how many jobs are written at once: a job is up to three rows, and a transaction a hundred.
const batch = 30

// Fill stores the jobs and machines of a large fleet, as they were at a time.
func Fill(ctx context.Context, records *record.Records, b Backlog, now time.Time) error {
	var writes []store.Write
	put := func(w []store.Write, last bool) error {
		writes = append(writes, w...)
		if len(writes) < 3*batch && !last || len(writes) == 0 {
			return nil
		}
		err := records.Commit(ctx, writes)
		writes = nil
		if err != nil {
			return fmt.Errorf("filling the store: %w", err)
		}
		return nil
	}
	total := b.Ended + b.Running + b.Queued + b.Waiting
	for i := range total {
		j, m := fillJob(i, b, now)
		w := records.PutJob(record.Kept[record.Job]{}, record.Job{Job: j}, keep)
		if m != nil {
			w = append(w, records.PutMachine(record.Kept[fleet.Machine]{}, *m, keep)...)
		}
		if err := put(w, false); err != nil {
			return err
		}
	}
	return put(nil, true)
}

// fillJob makes the i-th job of a backlog, with its machine if it runs.
func fillJob(i int, b Backlog, now time.Time) (fleet.Job, *fleet.Machine) {
	names := []string{"build", "unit tests", "lint", "integration (postgres)", "integration (mysql)", "package", "deploy preview", "docs"}
	repositories := []string{"shop", "billing", "search", "mobile", "infrastructure"}
	since := now.Add(-time.Duration(i) * 7 * time.Second)
	j := Job(int64(40_000_000+i), func(j *fleet.Job) {
		j.Name, j.Run = names[i%len(names)], int64(9_000_000+i/len(names))
		r := i / 3 % len(repositories)
		j.Repository = fleet.Repository{Host: Host, ID: int64(r + 1), Owner: "acme", Name: repositories[r], Private: true}
		j.Branch = fmt.Sprintf("feature/%d", i%97)
		j.Labels = []string{fmt.Sprintf("runs-fleet=%d/cpu=%d", j.Run, 2<<(i%3))}
		j.Created, j.Queued, j.History = since.Add(-time.Second), since, nil
		j.History = j.History.Add(since, "queued", "Learned from GitHub's webhook that the job is queued.")
		j.Demand, j.Shape = fleet.DemandKey(fmt.Sprintf("d%d", j.Run)), fleet.ShapeKey(fmt.Sprintf("shape%d", i%3))
	})
	switch {
	case i < b.Queued:
		return j, nil
	case i < b.Queued+b.Waiting:
		j.State, j.Queued = fleet.JobWaiting, time.Time{}
		return j, nil
	}
	m := Machine(fmt.Sprintf("m-%06d", i), fleet.MachineWorking)
	m.Launched, m.Shape, m.Repository = since.Add(time.Second), j.Shape, j.Repository
	m.Ready, m.Assigned = since.Add(4*time.Second), since.Add(4*time.Second)
	m.Runners = []fleet.Runner{{Name: fmt.Sprintf("rf-f1ee7000-%06d-1", i), ID: int64(i), HandedOut: since.Add(5 * time.Second)}}
	m.Connected, m.WorkerStarted, m.Job = since.Add(7*time.Second), since.Add(8*time.Second), j.ID.ID
	j.State, j.Started, j.Runner, j.Machine = fleet.JobInProgress, since.Add(time.Duration(8+i%5)*time.Second), m.Runners[0].Name, m.ID.String()
	j.History = j.History.Add(j.Started, "in_progress", "GitHub gave the job to "+j.Runner+".")
	if i < b.Queued+b.Waiting+b.Running {
		return j, &m
	}
	j.State, j.Conclusion, j.Ended = fleet.JobCompleted, []string{"success", "success", "success", "failure", "cancelled", "skipped"}[i%6], j.Started.Add(time.Duration(30+i%400)*time.Second)
	j.History = j.History.Add(j.Ended, "completed", "GitHub says that the job ended: "+j.Conclusion+".")
	return j, nil
}
