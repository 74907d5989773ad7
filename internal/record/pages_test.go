package record_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
)

// paged counts the reads of pages, to show that a list took more than one.
type paged struct {
	store.Store
	pages int
}

func (p *paged) Query(ctx context.Context, q store.Query) (store.Page, error) {
	p.pages++
	return p.Store.Query(ctx, q)
}

func (p *paged) Index(ctx context.Context, name store.IndexName, q store.Query) (store.Page, error) {
	p.pages++
	return p.Store.Index(ctx, name, q)
}

// TestListsAreReadToTheirEnd: a page of the database ends at 1 MB, and what comes after it exists too.
func TestListsAreReadToTheirEnd(t *testing.T) {
	// failure modes C11, C12
	const rows = 2500 // of about 1 KB each
	p := &paged{Store: memory.New(seam.System{}, memory.Options{})}
	r := record.New(p)
	now := time.Now().Truncate(time.Second)
	site := fleet.Site{Environment: "default", Region: "r"}
	pad := strings.Repeat("x", 900)
	repository := fleet.Repository{Host: "github.test", ID: 7, Owner: "acme", Name: "shop"}
	commit := func(writes ...[]store.Write) {
		t.Helper()
		if err := r.Commit(t.Context(), writes...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rows {
		j := fleet.Job{
			ID: fleet.JobID{Host: "github.test", ID: int64(i + 1)}, Repository: repository, Labels: []string{pad}, Folded: []string{pad},
			State: fleet.JobQueued, Demand: fleet.DemandKey("d" + pad), Shape: "s", Created: now, Queued: now,
		}
		m := fleet.Machine{
			ID: fleet.MachineID{Site: site, ID: fmt.Sprintf("m-%04d", i)}, Shape: "s", State: fleet.MachineReady, Launched: now,
			Diagnostics: pad, Launch: "l" + pad, Due: now,
		}
		shape := fleet.ShapeKey(fmt.Sprintf("shape-%04d-%s", i, pad[:300]))
		alive, err := r.Alive(t.Context(), shape)
		if err != nil {
			t.Fatal(err)
		}
		commit(r.PutJob(record.Kept[record.Job]{}, record.Job{Job: j}, time.Hour), r.PutMachine(record.Kept[fleet.Machine]{}, m, time.Hour),
			r.KeepAlive(alive, shape))
	}
	head := record.Head{Key: "s"}
	commit(r.PutHead(record.Kept[record.Head]{}, head))

	for name, read := range map[string]func() (int, error){
		"live machines": func() (int, error) { all, err := r.LiveMachines(t.Context()); return len(all), err },
		"live states": func() (int, error) {
			all, err := r.LiveStates(t.Context())
			return all[fleet.MachineReady], err
		},
		"open jobs":              func() (int, error) { all, err := r.OpenJobs(t.Context(), "github.test", 7); return len(all), err },
		"queued jobs of a shape": func() (int, error) { all, err := r.Queued(t.Context(), "s"); return len(all), err },
		"alive shapes":           func() (int, error) { all, err := r.AliveShapes(t.Context()); return len(all), err },
		"a decision's machines": func() (int, error) {
			v, err := r.View(t.Context(), "s", now, 2)
			return len(v.Machines), err
		},
		"a count": func() (int, error) {
			n, more, err := r.CountJobs(t.Context(), fleet.JobQueued, 10*rows)
			if more {
				t.Error("a count of all jobs says that there are more") // failure mode J11
			}
			return n, err
		},
		"due rows": func() (int, error) {
			all, err := r.DueRows(t.Context(), now.Add(time.Second), 4*rows)
			return len(all), err
		},
	} {
		p.pages = 0
		n, err := read()
		if err != nil || n != rows {
			t.Errorf("%s: %d of %d (%v)", name, n, rows, err)
		}
		if p.pages < 2 {
			t.Errorf("%s: one page held all: the test shows nothing", name)
		}
	}
	if n, more, err := r.CountJobs(t.Context(), fleet.JobQueued, 100); n != 100 || !more || err != nil {
		t.Errorf("a bounded count is %d, more: %v, %v; want 100 and more", n, more, err)
	}
}

func TestRowsRefuseAnOlderWriter(t *testing.T) { // failure mode F7
	// failure modes C5, C8: a write that was decided on an older row changes nothing, whatever state it wanted
	r := record.New(memory.New(seam.System{}, memory.Options{}))
	now := time.Now().Truncate(time.Second)
	id := fleet.MachineID{Site: fleet.Site{Environment: "default", Region: "r"}, ID: "m-0001"}
	job := fleet.JobID{Host: "github.test", ID: 1}
	if err := r.Commit(t.Context(),
		r.PutMachine(record.Kept[fleet.Machine]{}, fleet.Machine{ID: id, Shape: "s", State: fleet.MachineReady, Launched: now}, time.Hour),
		r.PutJob(record.Kept[record.Job]{}, record.Job{Job: fleet.Job{ID: job, State: fleet.JobQueued, Created: now}}, time.Hour),
	); err != nil {
		t.Fatal(err)
	}
	stale, err := r.Machine(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	staleJob, err := r.Job(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	taken := stale.V
	taken.State, taken.Demand = fleet.MachineAssigned, "d"
	runs := staleJob.V
	runs.State, runs.Runner = fleet.JobInProgress, "rf-x-m-0001-1"
	if err := r.Commit(t.Context(), r.PutMachine(stale, taken, time.Hour), r.PutJob(staleJob, runs, time.Hour)); err != nil {
		t.Fatal(err)
	}
	orphaned := stale.V
	orphaned.State, orphaned.Ended = fleet.MachineGone, now
	if err := r.Commit(t.Context(), r.PutMachine(stale, orphaned, time.Hour)); !store.IsConflict(err) {
		t.Errorf("writing a machine over a newer row: %v, want a conflict", err)
	}
	closed := staleJob.V
	closed.State, closed.Ended = fleet.JobCompleted, now
	if err := r.Commit(t.Context(), r.PutJob(staleJob, closed, time.Hour)); !store.IsConflict(err) {
		t.Errorf("writing a job over a newer row: %v, want a conflict", err)
	}
	m, err := r.Machine(t.Context(), id)
	if err != nil || m.V.State != fleet.MachineAssigned || m.V.Demand != "d" {
		t.Errorf("the machine is %s for %q, %v; want it as the newer writer left it", m.V.State, m.V.Demand, err)
	}
}
