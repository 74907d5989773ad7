package controller_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// TestFirstHeardOfAfterARevision: a job that was given to a runner before anybody told of it changes its demand twice, for the
// shape that its labels mean by now (rule 1.9) and for its start (rule 5.7): in one write.
func TestFirstHeardOfAfterARevision(t *testing.T) {
	var revised atomic.Bool
	inWorld(t, revisedBy(&revised), func(w *world) {
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(time.Minute, "done", w.github.allDone)
		revised.Store(true)
		err := w.ctl.Apply(w.t.Context(), fleet.Sighting{
			Job: 2, Run: 11, Repository: testRepository(), State: fleet.JobInProgress, Runner: "of-others", Labels: []string{cpu2},
			Created: seam.System{}.Now(),
		})
		if err != nil {
			w.t.Fatal(err)
		}
		job := w.job(2)
		demand, err := w.records.Demand(w.t.Context(), job.Demand)
		if err != nil {
			w.t.Fatal(err)
		}
		if job.State != fleet.JobInProgress || demand.V.Shape != job.Shape || demand.V.LastStart.IsZero() || job.Shape == w.job(1).Shape {
			w.t.Errorf("job 2 is %s of shape %s, its demand is of shape %s and started at %v", job.State, job.Shape, demand.V.Shape, demand.V.LastStart)
		}
	})
}

// revisedBy lets labels mean a larger disk once the configuration is revised.
func revisedBy(revised *atomic.Bool) func(*controller.Config) {
	return sizedBy(func() int {
		if revised.Load() {
			return largeDisk
		}
		return 0
	})
}

const largeDisk = 77 // GB

// sizedBy lets labels mean a disk of a size that changes; 0 is what they mean by themselves.
func sizedBy(size func() int) func(*controller.Config) {
	return func(c *controller.Config) {
		c.Resolve = func(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
			resolved, err := label.Resolve(labels, label.Fleet{})
			if n := size(); n > 0 {
				resolved.Spec.Disk.SizeGB = n
			}
			return resolved, err
		}
	}
}

// TestARefusalOutlivesARevision: GitHub refuses a demand whatever the shape of its machines, so that its back-off goes with it to
// another (rules 1.9, 4.6).
func TestARefusalOutlivesARevision(t *testing.T) {
	var revised atomic.Bool
	inWorld(t, revisedBy(&revised), func(w *world) {
		w.github.set(func(g *fakeGitHub) {
			g.mintErrs = []error{&controller.RefusedError{Status: 403, Message: "no permission"}}
		})
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(10*time.Second, "refused", func() bool { return w.github.minted() == 1 })
		w.pass(time.Second)
		revised.Store(true)
		w.github.queue(2, 11, 10*time.Second, cpu2)
		w.pass(15 * time.Second)
		if n := w.github.minted(); n != 1 {
			w.t.Errorf("%d mints within the back-off of the first, which was refused", n)
		}
		w.settle(2*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

// TestMachinesOfEarlierShapesCount: a demand's machines count in the shape that it belongs to after any number of revisions, so
// that no job gets a second one (rule 1.9).
func TestMachinesOfEarlierShapesCount(t *testing.T) { // rule 1.9
	var disk atomic.Int64
	inWorld(t, sizedBy(func() int { return int(disk.Load()) }), func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.stubborn = true }) // the machines stay assigned to their demand
		for job := range int64(3) {
			disk.Store(job * largeDisk)
			w.github.queue(job+1, 10+job, 10*time.Second, cpu2)
			w.pass(5 * time.Second)
			if n := w.cloud.made(); n != int(job)+1 {
				w.t.Fatalf("%d machines for the first %d jobs, whose labels changed their meaning each time\n%s", n, job+1, w.dump())
			}
		}
		w.cloud.set(func(c *fakeCloud) { c.stubborn = false })
		w.settle(5*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

// TestAMachineOfAnotherDemandIsLeftAlone: a shape to which one demand has moved has nothing to say about the machines of those
// that stayed behind: none of them is surplus there (rules 1.9, 1.10).
func TestAMachineOfAnotherDemandIsLeftAlone(t *testing.T) {
	var revised atomic.Bool
	inWorld(t, revisedBy(&revised), func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.stubborn = true })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.github.queue(2, 11, 10*time.Second, cpu2other)
		w.pass(5 * time.Second)
		revised.Store(true)
		w.github.queue(3, 12, 10*time.Second, cpu2) // moves the first demand, not the other
		w.pass(75 * time.Second)                    // longer than what is surplus stays, shorter than a listener may take
		if n := w.cloud.made(); n != 3 || w.cloud.running() != 3 {
			w.t.Errorf("%d machines were made for 3 jobs, and %d run\n%s", n, w.cloud.running(), w.dump())
		}
		w.cloud.set(func(c *fakeCloud) { c.stubborn = false })
		w.settle(5*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

const cpu2other = "runs-fleet=2/cpu=2" // the same machines for another run

// TestADemandComesBackAfterItsRowExpired: the configuration is revised and revised back while a demand is not heard of, until its
// row has expired. Its jobs are served by what its labels mean now.
func TestADemandComesBackAfterItsRowExpired(t *testing.T) { // rule 1.9
	var revised atomic.Bool
	inWorld(t, revisedBy(&revised), func(w *world) {
		for job := range int64(3) {
			revised.Store(job == 1)
			w.github.queue(job+1, 10+job, 10*time.Second, cpu2)
			w.settle(time.Minute, "done", w.github.allDone)
			if job == 1 {
				w.forget(w.job(2).Demand)
			}
		}
		if first, last := w.job(1).Shape, w.job(3).Shape; first != last || first == w.job(2).Shape {
			w.t.Errorf("the jobs have the shapes %s, %s and %s: labels mean the same to the first and the last", first, w.job(2).Shape, last)
		}
	})
}

// forget takes a demand's row away, as its expiry does.
func (w *world) forget(d fleet.DemandKey) {
	w.t.Helper()
	kept, err := w.records.Demand(w.t.Context(), d)
	if err != nil {
		w.t.Fatal(err)
	}
	key := store.Key{Partition: "demand/" + string(d), Sort: "demand"}
	if err := w.store.Transact(w.t.Context(), []store.Write{store.Delete(key, store.At(kept.Version))}); err != nil {
		w.t.Fatal(err)
	}
}
