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
	var idle, one float64
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
		b.report.add(figure{Benchmark: "reconcile", Case: name, What: "nothing has changed", Unit: "ms", Value: nothing, Limit: idle}, ratioAtMost(2))
		b.report.add(figure{Benchmark: "reconcile", Case: name, What: "a machine has ended", Unit: "ms", Value: ended, Limit: one}, ratioAtMost(2))
	}
	b.report.note("reconcile: medians of %d decisions about one shape, on the store in a file; a machine that works and is attributed to its job is not read. "+
		"The limit is the first case.", rounds)
	return nil
}

func reconcileCase(ctx context.Context, b *bench, machines, jobs, rounds int) (nothing, ended float64, err error) {
	dir, err := os.MkdirTemp("", "bench-reconcile-")
	if err != nil {
		return 0, 0, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := openWorld(ctx, worldOptions{dir: dir, log: io.Discard, labels: ours, maxRunners: machines})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	shape, err := w.queued(ctx, b.clock.Now(), jobs)
	if err != nil {
		return 0, 0, err
	}
	if err := w.working(ctx, b.clock.Now(), shape, machines); err != nil {
		return 0, 0, err
	}
	if err := w.controller.Reconcile(ctx, shape); err != nil { // the first notes that there is no room
		return 0, 0, fmt.Errorf("reconciling: %w", err)
	}
	var idle, one []time.Duration
	for range rounds {
		took, err := w.decide(ctx, b, shape)
		if err != nil {
			return 0, 0, err
		}
		idle = append(idle, took)
	}
	for n := range rounds {
		if err := w.room(ctx); err != nil {
			return 0, 0, err
		}
		took, err := w.decide(ctx, b, shape)
		if err != nil {
			return 0, 0, err
		}
		one = append(one, took)
		if err := w.cloud.await(ctx, func() bool { return w.cloud.launched == n+1 }); err != nil {
			return 0, 0, fmt.Errorf("waiting for the launch call: %w", err)
		}
	}
	return milliseconds(quantile(idle, 0.5)), milliseconds(quantile(one, 0.5)), nil
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
