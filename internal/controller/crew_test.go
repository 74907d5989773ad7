package controller_test

import (
	"context"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// slowGitHub takes its time to say what it knows of some jobs.
type slowGitHub struct {
	controller.GitHub

	slow func(job int64) bool
}

const slowAnswer = 20 * time.Second

func (g slowGitHub) Job(ctx context.Context, r fleet.Repository, id int64) (fleet.Sighting, error) {
	if g.slow(id) {
		if err := (seam.System{}).Sleep(ctx, slowAnswer); err != nil {
			return fleet.Sighting{}, err
		}
	}
	return g.GitHub.Job(ctx, r, id)
}

// A message that has to wait for GitHub keeps no other from being applied, although one worker is enough without a backlog
// (failure mode B4).
func TestASlowAnswerKeepsNoOtherMessageWaiting(t *testing.T) {
	const slowJobs = 3 // one after the other, each of which its worker waits for
	inWorld(t, func(c *controller.Config) {
		c.GitHub = slowGitHub{c.GitHub, func(job int64) bool { return job <= slowJobs }}
	}, func(w *world) {
		w.github.set(func(g *fakeGitHub) { g.silent[fleet.JobQueued] = true })
		for id := range int64(slowJobs) {
			w.github.queue(id+1, 10, time.Second, cpu2)
		}
		w.pass(15 * time.Second) // a queued event of that age is looked up (rule 1.5)
		w.github.set(func(g *fakeGitHub) { g.silent[fleet.JobQueued] = false })
		for id := range int64(slowJobs) {
			w.github.set(func(g *fakeGitHub) { g.jobs[id].state = fleet.JobQueued })
			w.github.send(w.github.jobs[id])
			w.pass(200 * time.Millisecond)
		}
		w.github.queue(slowJobs+1, 11, time.Second, cpu2)
		w.settle(time.Second, "the job behind is known", func() bool { return w.job(slowJobs+1).State != "" })
	})
}
