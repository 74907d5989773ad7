package webtest

import (
	"context"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// keep is how long rows live: longer than any test's time.
const keep = 365 * 24 * time.Hour

// Job is a job of a world, queued two minutes before noon and changed by f.
func Job(id int64, f func(*fleet.Job)) fleet.Job {
	j := fleet.Job{
		ID: fleet.JobID{Host: Host, ID: id}, Run: 7, Attempt: 1,
		Repository: fleet.Repository{Host: Host, ID: 1, Owner: "acme", Name: "app", Private: true},
		Name:       "build", Workflow: "CI", Branch: "main", URL: "https://github.com/acme/app/actions/runs/7/job/1",
		Labels: []string{"runs-fleet=7/cpu=2"}, State: fleet.JobQueued, Epoch: 1,
		Created: Noon().Add(-2 * time.Minute), Queued: Noon().Add(-2 * time.Minute),
	}
	j.History = j.History.Add(j.Queued, "queued", "Learned from GitHub's webhook that the job is queued.")
	if f != nil {
		f(&j)
	}
	return j
}

// Running makes a job one that runs for a minute on m.
func Running(m fleet.Machine) func(*fleet.Job) {
	return func(j *fleet.Job) {
		j.State, j.Started = fleet.JobInProgress, Noon().Add(-time.Minute)
		j.Runner, j.Machine = m.Newest().Name, m.ID.String()
		j.History = j.History.Add(j.Started, "in_progress", "GitHub gave the job to "+j.Runner+".")
	}
}

// Ended makes a job one that ran for 40 seconds and ended so.
func Ended(conclusion string) func(*fleet.Job) {
	return func(j *fleet.Job) {
		j.State, j.Conclusion = fleet.JobCompleted, conclusion
		j.Started, j.Ended = Noon().Add(-time.Minute), Noon().Add(-20*time.Second)
		j.Runner = "rf-old"
	}
}

// Machine is a machine of a world, launched three minutes before noon.
func Machine(id string, state fleet.MachineState) fleet.Machine {
	m := fleet.Machine{
		ID:     fleet.MachineID{Site: fleet.Site{Environment: fleet.DefaultEnvironment, Region: fleet.LocalRegion}, ID: id},
		Launch: "l1", OS: fleet.Linux, Type: "local", Launched: Noon().Add(-3 * time.Minute),
		Repository: fleet.Repository{Host: Host, ID: 1, Owner: "acme", Name: "app", Private: true},
		Runners:    []fleet.Runner{{Name: "rf-" + id, ID: 9}}, Labels: []string{"runs-fleet=7/cpu=2"},
	}
	m = m.To(state, Noon().Add(-time.Minute), "It is "+string(state)+".")
	if !m.Live() {
		m.Ended = m.Since
	}
	return m
}

// PutJobs stores jobs.
func (w *World) PutJobs(t testing.TB, jobs ...fleet.Job) {
	t.Helper()
	for _, j := range jobs {
		if err := w.Records.Commit(context.Background(), w.Records.PutJob(record.Kept[record.Job]{}, record.Job{Job: j}, keep)); err != nil {
			t.Fatal(err)
		}
	}
}

// ReplaceJob changes a stored job.
func (w *World) ReplaceJob(t testing.TB, j fleet.Job) {
	t.Helper()
	kept, err := w.Records.Job(context.Background(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Records.Commit(context.Background(), w.Records.PutJob(kept, record.Job{Job: j}, keep)); err != nil {
		t.Fatal(err)
	}
}

// PutMachines stores machines.
func (w *World) PutMachines(t testing.TB, machines ...fleet.Machine) {
	t.Helper()
	for _, m := range machines {
		if err := w.Records.Commit(context.Background(), w.Records.PutMachine(record.Kept[fleet.Machine]{}, m, keep)); err != nil {
			t.Fatal(err)
		}
	}
}

// EndMachines makes every live machine one that is gone.
func (w *World) EndMachines(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	live, err := w.Records.LiveMachines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range live {
		kept, err := w.Records.Machine(ctx, m.ID)
		if err != nil {
			t.Fatal(err)
		}
		m = m.To(fleet.MachineGone, Noon(), "It has ended.")
		m.Ended = Noon()
		if err := w.Records.Commit(ctx, w.Records.PutMachine(kept, m, keep)); err != nil {
			t.Fatal(err)
		}
	}
}
