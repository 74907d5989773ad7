package controller_test

import (
	"slices"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// A burst is as few launches as rule 1.12 allows, and a launch that is full does not wait for the rest of the burst (rule 2.1).
func TestABurstIsFullLaunchesAndOneMore(t *testing.T) {
	const jobs = 400
	inWorld(t, func(c *controller.Config) { c.NoPacing = true }, func(w *world) {
		w.pass(time.Second) // what runs at the start looks at every shape at once
		for i := range int64(jobs) {
			w.github.queue(1+i, 1+i, time.Second, cpu2)
			w.pass(100 * time.Microsecond)
		}
		w.settle(time.Minute, "launched", func() bool { return w.cloud.is(func(c *fakeCloud) bool { return c.created >= jobs }) })
		var counts []int
		w.cloud.set(func(c *fakeCloud) { counts = slices.Clone(c.counts) })
		slices.Sort(counts)
		if want := []int{40, fleet.MaxLaunchCount, fleet.MaxLaunchCount, fleet.MaxLaunchCount, fleet.MaxLaunchCount}; !slices.Equal(counts, want) {
			t.Errorf("launches of %v machines for %d jobs, want %v", counts, jobs, want)
		}
		w.settle(3*time.Minute, "done", func() bool { return w.github.allDone() && w.empty() })
	})
}
