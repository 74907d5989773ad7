package controller_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/seam"
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
	return func(c *controller.Config) {
		c.Resolve = func(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
			resolved, err := label.Resolve(labels, label.Fleet{})
			if revised.Load() {
				resolved.Spec.Disk.SizeGB = 77
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
