package dynamodb_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
)

// Typed rows are the same on DynamoDB as in memory, through every list that is made of them.
func TestTypedRowsAreWhatTheyAreInMemory(t *testing.T) {
	eachEmulator(t, func(t *testing.T, cfg aws.Config) {
		clock := patientClock{seamtest.NewClock()}
		clock.Advance(20 * 365 * 24 * time.Hour) // see TestConformance
		want := lives(t, memory.New(clock, memory.Options{}), clock.Now())
		got := lives(t, open(t, cfg, dynamodb.Options{Clock: clock}), clock.Now())
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(record.JobPage{})); diff != "" {
			t.Errorf("in memory and on DynamoDB (-memory +dynamodb):\n%s", diff)
		}
	})
}

// lives leads jobs and machines through their lives and returns all that is read of them.
func lives(t *testing.T, s store.Store, now time.Time) map[string]any {
	t.Helper()
	ctx, r := t.Context(), record.New(s)
	read := map[string]any{}
	keep := func(name string, value any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		read[name] = value
	}
	commit := func(writes ...[]store.Write) {
		t.Helper()
		if err := r.Commit(ctx, writes...); err != nil {
			t.Fatal(err)
		}
	}
	shape := fleet.ShapeKey("shape")
	commit(r.KeepAlive(record.Kept[record.Alive]{}, shape), r.PutHead(record.Kept[record.Head]{}, record.Head{Key: shape}))
	for i := range 30 {
		id := fleet.JobID{Host: "github.com", ID: int64(i)}
		created := now.Add(time.Duration(i-100) * time.Second)
		job := record.Job{Due: now.Add(time.Duration(i-20) * time.Second), Job: fleet.Job{
			ID: id, Shape: shape, Demand: "demand", State: fleet.JobQueued, Queued: created, Created: created, Repository: fleet.Repository{Host: "github.com", ID: 7},
		}}
		alive, err := r.Alive(ctx, shape)
		if err != nil {
			t.Fatal(err)
		}
		commit(r.KeepAlive(alive, shape), r.PutJob(record.Kept[record.Job]{}, job, time.Hour))
		if i%3 > 0 {
			continue
		}
		queued, err := r.Job(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		job.State, job.Ended, job.Due = fleet.JobCompleted, now, time.Time{}
		commit(r.PutJob(queued, job, time.Hour))
		machine := fleet.Machine{ID: fleet.MachineID{Site: fleet.Site{Environment: "e", Region: "r"}, ID: fmt.Sprint(i)}, Shape: shape, Launched: created, Due: now}
		commit(r.PutMachine(record.Kept[fleet.Machine]{}, machine, time.Hour))
	}
	view, err := r.View(ctx, shape, now, 2)
	keep("view", view, err)
	due, err := r.DueRows(ctx, now, 5)
	keep("due", due, err)
	lag, err := r.DueLag(ctx, now)
	keep("lag", lag, err)
	open, err := r.OpenJobs(ctx, "github.com", 7)
	keep("open", open, err)
	machines, err := r.LiveMachines(ctx)
	keep("machines", machines, err)
	shapes, err := r.AliveShapes(ctx)
	keep("shapes", shapes, err)
	n, more, err := r.CountJobs(ctx, fleet.JobQueued, 15)
	keep("count", []any{n, more}, err)
	for cursor, page := "", 0; page == 0 || cursor != ""; page++ {
		jobs, err := r.Jobs(ctx, fleet.JobQueued, cursor, 7)
		cursor = jobs.Next
		jobs.Next = ""
		keep(fmt.Sprint("jobs ", page), jobs, err)
	}
	return read
}

// failure mode C17
func TestAWriteUnderALostLeaseIsRefused(t *testing.T) {
	eachEmulator(t, func(t *testing.T, cfg aws.Config) {
		r := record.New(open(t, cfg, dynamodb.Options{}))
		take := func(holder string) uint64 {
			states, _, err := r.Leases(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Commit(t.Context(), r.TakeLease(states["sweep"], "sweep", holder)); err != nil {
				t.Fatal(err)
			}
			return states["sweep"].Generation + 1
		}
		write := func(ctx context.Context) error {
			return r.Commit(ctx, r.PutWaiting("e", record.Waiting{Shape: "s"}, time.Now().Add(time.Hour)))
		}
		first := take("first")
		if err := write(record.Fenced(t.Context(), "sweep", first)); err != nil {
			t.Errorf("the holder's write: %v", err)
		}
		second := take("second")
		if err := write(record.Fenced(t.Context(), "sweep", first)); !errors.Is(err, record.ErrLeaseLost) {
			t.Errorf("a former holder's write = %v, want ErrLeaseLost", err)
		}
		if err := write(record.Fenced(t.Context(), "sweep", second)); err != nil {
			t.Errorf("the new holder's write: %v", err)
		}
	})
}
