package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// reconcile measures one decision in a fleet of which nearly nothing changes: when nothing has, and when one machine has
// ended, so that one of the waiting jobs gets another. Beside each is the smallest fleet of the same run.
func reconcile(ctx context.Context, b *bench) error {
	cases := []struct{ machines, jobs int }{{100, 100}, {1000, 100}, {10_000, 100}, {100, 10_000}, {100, 100_000}, {10_000, 100_000}}
	rounds := 40
	if b.quick {
		cases, rounds = []struct{ machines, jobs int }{{10, 10}, {100, 100}}, 5
	}
	var idle, one decisions
	for i, c := range cases {
		name := fmt.Sprintf("%s machines working, %s jobs queued", number(float64(c.machines)), number(float64(c.jobs)))
		if i > 0 && !b.wants(name) { // the first is what all others are compared with
			continue
		}
		b.say("reconcile: %s", name)
		nothing, ended, err := reconcileCase(ctx, b, c.machines, c.jobs, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if i == 0 {
			idle, one = nothing, ended
		}
		for _, k := range []struct {
			what        string
			made, least decisions
		}{{"nothing has changed", nothing, idle}, {"a machine has ended", ended, one}} {
			b.report.add(figure{Benchmark: "reconcile", Case: name, What: k.what, Unit: "ms", Value: k.made.took, Limit: k.least.took}, ratioAtMost(2))
			b.report.add(figure{Benchmark: "reconcile", Case: name, What: k.what, Unit: "rows read", Value: k.made.rows, Limit: k.least.rows}, ratioAtMost(2))
		}
	}
	b.report.note("reconcile: medians of %d decisions about one shape, on the store in a file; a machine that works and is attributed to its job is not read. "+
		"The limit is the first case.", rounds)
	return nil
}

// decisions is what one decision costs, in the median of many.
type decisions struct {
	took float64 // ms
	rows float64 // read
}

func decisionsOf(took []time.Duration, rows int64) decisions {
	return decisions{took: milliseconds(quantile(took, 0.5)), rows: float64(rows) / float64(len(took))}
}

func reconcileCase(ctx context.Context, b *bench, machines, jobs, rounds int) (nothing, ended decisions, err error) {
	dir, err := os.MkdirTemp("", "bench-reconcile-")
	if err != nil {
		return nothing, ended, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := openWorld(ctx, worldOptions{dir: dir, log: io.Discard, labels: ours, maxRunners: machines})
	if err != nil {
		return nothing, ended, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	shape, err := w.queued(ctx, b.clock.Now(), jobs)
	if err != nil {
		return nothing, ended, err
	}
	if err := w.working(ctx, b.clock.Now(), shape, machines); err != nil {
		return nothing, ended, err
	}
	if err := w.controller.Reconcile(ctx, shape); err != nil { // the first notes that there is no room
		return nothing, ended, fmt.Errorf("reconciling: %w", err)
	}
	var idle, one []time.Duration
	var idleRows, oneRows int64
	for range rounds {
		before := w.store.rows.Load()
		took, err := w.decide(ctx, b, shape)
		if err != nil {
			return nothing, ended, err
		}
		idle, idleRows = append(idle, took), idleRows+w.store.rows.Load()-before
	}
	for n := range rounds {
		if err := w.room(ctx); err != nil {
			return nothing, ended, err
		}
		before := w.store.rows.Load()
		took, err := w.decide(ctx, b, shape)
		if err != nil {
			return nothing, ended, err
		}
		one, oneRows = append(one, took), oneRows+w.store.rows.Load()-before
		if err := w.cloud.await(ctx, func() bool { return w.cloud.launched == n+1 }); err != nil {
			return nothing, ended, fmt.Errorf("waiting for the launch call: %w", err)
		}
	}
	return decisionsOf(idle, idleRows), decisionsOf(one, oneRows), nil
}

func (w *world) decide(ctx context.Context, b *bench, shape fleet.ShapeKey) (time.Duration, error) {
	began := b.clock.Now()
	if err := w.controller.Reconcile(ctx, shape); err != nil {
		return 0, fmt.Errorf("reconciling: %w", err)
	}
	return b.clock.Now().Sub(began), nil
}

// room makes room for one machine, as the end of another does.
func (w *world) room(ctx context.Context) error {
	live, err := w.records.Live(ctx, fleet.DefaultEnvironment)
	if err != nil {
		return fmt.Errorf("reading the number of machines: %w", err)
	}
	err = w.records.Commit(ctx, w.records.PutLive(live, fleet.DefaultEnvironment, record.Live{Count: live.V.Count - 1}))
	if err != nil {
		return fmt.Errorf("making room: %w", err)
	}
	return nil
}

// working makes machines that run jobs.
func (w *world) working(ctx context.Context, now time.Time, shape fleet.ShapeKey, machines int) error {
	var writes []store.Write
	for i := range machines {
		const keep = 24 * time.Hour
		m := fleet.Machine{
			ID:     fleet.MachineID{Site: fleet.Site{Environment: fleet.DefaultEnvironment, Region: "bench"}, ID: fmt.Sprintf("w-%08d", i)},
			Launch: "l-bench", Shape: shape, OS: fleet.Linux, Type: "bench", Launched: now, Ready: now, Assigned: now, Demand: "d",
			Repository: repository(), Labels: []string{"runs-fleet"}, Lease: now.Add(time.Hour), Connected: now, WorkerStarted: now, WorkerRunning: true,
			Job: firstJob - 1_000_000 + int64(i), JobNamed: now,
		}.To(fleet.MachineWorking, now, "Its worker has started.")
		writes = append(writes, w.records.PutMachine(record.Kept[fleet.Machine]{}, m, keep)...)
		if len(writes) > store.MaxTransaction-5 || i == machines-1 {
			if err := w.records.Commit(ctx, writes); err != nil {
				return fmt.Errorf("making machines: %w", err)
			}
			writes = nil
		}
	}
	live, err := w.records.Live(ctx, fleet.DefaultEnvironment)
	if err != nil {
		return fmt.Errorf("reading the number of machines: %w", err)
	}
	if err := w.records.Commit(ctx, w.records.PutLive(live, fleet.DefaultEnvironment, record.Live{Count: machines})); err != nil {
		return fmt.Errorf("counting machines: %w", err)
	}
	return nil
}
