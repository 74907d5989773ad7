package faultrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

type simJob = simclient.Job

// Report is what a run came to.
type Report struct {
	Seed       uint64
	Took       time.Duration // with faults
	Rested     time.Duration // from the last fault until nothing was left
	Outcomes   map[string]int
	Waits      []time.Duration // of jobs, from queued to in progress, sorted
	Launches   int
	Repeated   int // launch calls beyond the first of each launch
	Real       int // machines that were processes
	Surplus    Surplus
	Kills      []*Kill
	Struck     map[string]int // what was done to machines, jobs and servers
	Webhooks   map[string]int
	Calls      awsfault.Counts
	Violations []Violation
}

// Run runs everything and judges it. An error says that the run itself went wrong; what the servers did wrong is in the
// report.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	o.Progress("starting emulators, a host and %d servers; seed %d; logs in %s", replicaCount, o.Seed, o.Folder)
	w, err := build(ctx, life, o)
	if err != nil {
		end()
		return nil, err
	}
	defer func() {
		end()
		w.cloud.agents.Wait()
		w.cloud.client.CloseIdleConnections()
		err = errors.Join(err, w.close())
	}()
	r := &Report{Seed: o.Seed}
	f := newFate(w)
	if err := w.struggle(ctx, f, r); err != nil {
		return nil, err
	}
	w.fault(nil, githubsim.Faults{})
	o.Progress("the last fault was %s after the first; waiting for rest", r.Took.Round(time.Second))
	if r.Rested, err = w.rest(ctx); err != nil {
		return nil, err
	}
	return r, w.report(ctx, f, r)
}

// struggle lets jobs come and faults strike until the time is over.
func (w *world) struggle(ctx context.Context, f *fate, r *Report) error {
	began := w.clock.Now()
	ctx, over := w.clock.WithTimeout(ctx, w.o.For)
	defer over()
	w.fault(w.o.Rates, troubled())
	var all sync.WaitGroup
	failed := make(chan error, 2)
	all.Go(func() { failed <- w.work(ctx) })
	all.Go(func() { failed <- f.killServers(ctx) })
	all.Go(func() { f.killAgents(ctx) })
	all.Go(func() { f.strike(ctx, w.o.TakeEvery, "jobs taken by others", w.take) })
	all.Go(func() { f.strike(ctx, w.o.CancelEvery, "runs cancelled", w.cancel) })
	all.Go(func() { w.progress(ctx, f, began) })
	const look = time.Second
	var err error
	for err == nil && w.clock.Sleep(ctx, look) == nil {
		if err = w.broken(); err != nil {
			over()
		}
	}
	all.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	r.Took = w.clock.Now().Sub(began)
	if err != nil {
		return fmt.Errorf("after %s: %w", r.Took.Round(time.Second), err)
	}
	return nil
}

// report judges what is to be judged at the end, and gathers the figures.
func (w *world) report(ctx context.Context, f *fate, r *Report) (err error) {
	r.Outcomes, r.Waits = w.verdict()
	slices.Sort(r.Waits)
	if err := w.launches(ctx); err != nil {
		return err
	}
	if r.Surplus, err = w.surplus(ctx); err != nil {
		return err
	}
	w.cloud.mu.Lock()
	r.Launches = len(w.cloud.launches)
	for _, l := range w.cloud.launches {
		r.Repeated += l.calls - 1
	}
	for _, m := range w.cloud.machines {
		if m.real {
			r.Real++
		}
	}
	w.cloud.mu.Unlock()
	r.Webhooks = map[string]int{}
	for _, d := range w.github.Deliveries() {
		switch {
		case d.StatusCode == 0:
			r.Webhooks["not answered"]++
		case d.StatusCode >= 200 && d.StatusCode < 300:
			r.Webhooks["accepted"]++
		default:
			r.Webhooks[fmt.Sprintf("answered %d", d.StatusCode)]++
		}
	}
	f.mu.Lock()
	r.Kills, r.Struck = f.kills, f.counts
	f.mu.Unlock()
	r.Calls, r.Violations = w.counts(), w.judge.found()
	return nil
}
