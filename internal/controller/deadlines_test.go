package controller_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// deadlines notes how long each call to the outside might take: the longest time of each kind, -1 for one without end.
type deadlines struct {
	mu   sync.Mutex
	most map[string]time.Duration
}

func (d *deadlines) note(ctx context.Context, call string) {
	left := time.Duration(-1)
	if end, ok := ctx.Deadline(); ok {
		left = time.Until(end)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if was, known := d.most[call]; !known || left < 0 || was >= 0 && left > was {
		d.most[call] = left
	}
}

func (d *deadlines) noted(call string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, known := d.most[call]
	return known
}

type timedProvider struct {
	provider.Provider
	*deadlines
}

func (p timedProvider) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	p.note(ctx, "Launch")
	return p.Provider.Launch(ctx, r)
}

func (p timedProvider) Terminate(ctx context.Context, site fleet.Site, ids []string) error {
	p.note(ctx, "Terminate")
	return p.Provider.Terminate(ctx, site, ids)
}

func (p timedProvider) List(ctx context.Context, site fleet.Site) ([]provider.Instance, error) {
	p.note(ctx, "List")
	return p.Provider.List(ctx, site)
}

func (p timedProvider) Free(ctx context.Context, site fleet.Site, spec fleet.Spec) (int, error) {
	p.note(ctx, "Free")
	return p.Provider.Free(ctx, site, spec)
}

type timedGitHub struct {
	controller.GitHub
	*deadlines
}

func (g timedGitHub) Mint(ctx context.Context, r controller.MintRequest) (controller.Registration, error) {
	g.note(ctx, "Mint")
	return g.GitHub.Mint(ctx, r)
}

func (g timedGitHub) DeleteRunner(ctx context.Context, r fleet.Repository, id int64) (controller.Deletion, error) {
	g.note(ctx, "DeleteRunner")
	return g.GitHub.DeleteRunner(ctx, r, id)
}

func (g timedGitHub) FindRunner(ctx context.Context, r fleet.Repository, name string) (controller.RunnerTruth, error) {
	g.note(ctx, "FindRunner")
	return g.GitHub.FindRunner(ctx, r, name)
}

func (g timedGitHub) Runners(ctx context.Context, r fleet.Repository) ([]controller.RunnerTruth, error) {
	g.note(ctx, "Runners")
	return g.GitHub.Runners(ctx, r)
}

func (g timedGitHub) Job(ctx context.Context, r fleet.Repository, id int64) (fleet.Sighting, error) {
	g.note(ctx, "Job")
	return g.GitHub.Job(ctx, r, id)
}

func (g timedGitHub) RunJobs(ctx context.Context, r fleet.Repository, run int64) ([]fleet.Sighting, error) {
	g.note(ctx, "RunJobs")
	return g.GitHub.RunJobs(ctx, r, run)
}

func (g timedGitHub) LiveRuns(ctx context.Context, r fleet.Repository) ([]int64, bool, error) {
	g.note(ctx, "LiveRuns")
	return g.GitHub.LiveRuns(ctx, r)
}

func (g timedGitHub) Report(ctx context.Context, r controller.CommitReport) error {
	g.note(ctx, "Report")
	return g.GitHub.Report(ctx, r)
}

func (g timedGitHub) CancelRun(ctx context.Context, r fleet.Repository, run int64) error {
	g.note(ctx, "CancelRun")
	return g.GitHub.CancelRun(ctx, r, run)
}

// lateDelivery is an age at which a delivery alone is not believed.
const lateDelivery = 12 * time.Second

func TestEveryCallToTheOutsideHasADeadline(t *testing.T) {
	// failure modes D15, O4: a peer that stops to answer must cost no more than this
	const most = 30 * time.Second
	d := &deadlines{most: map[string]time.Duration{}}
	inWorld(t, func(c *controller.Config) {
		c.Provider, c.GitHub, c.CancelOnLabelError = timedProvider{c.Provider, d}, timedGitHub{c.GitHub, d}, true
	}, func(w *world) {
		eventful(w)
		w.github.set(func(g *fakeGitHub) { g.mintErrs = []error{errUnknown} }) // its name has to be looked up
		w.github.queue(1, 10, time.Second, cpu2)
		w.settle(time.Minute, "nothing left", w.empty)
		for id := int64(2); !d.noted("Job") && id < 6; id++ { // unless the scan is faster
			w.github.set(func(g *fakeGitHub) { g.loseAll = true })
			w.github.queue(id, 11, time.Second, cpu2)
			w.pass(lateDelivery)
			w.github.set(func(g *fakeGitHub) { g.loseAll = false })
			w.github.deliver(w.github.saw(id)) // GitHub is asked for the job (rule 1.5)
			w.settle(time.Minute, "nothing left", w.empty)
		}
	})
	for _, call := range []string{
		"Launch", "Terminate", "List", "Free", "Mint", "DeleteRunner", "FindRunner", "Runners", "Job", "RunJobs", "LiveRuns", "Report", "CancelRun",
	} {
		left, called := d.most[call]
		switch {
		case !called:
			t.Errorf("%s was never called", call)
		case left < 0:
			t.Errorf("%s was called without a deadline", call)
		case left > most:
			t.Errorf("%s may take %s", call, left)
		}
	}
}
