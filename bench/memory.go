package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// memory measures a server that starts with many open jobs, while deliveries go on and every periodic work has its turn.
// Beside it is the same server with none.
func memory(ctx context.Context, b *bench) error {
	cases := []struct {
		jobs int
		aim  aim
	}{{10_000, atMost(120, "MB")}, {100_000, atMost(300, "MB")}}
	length := 20 * time.Second
	if b.quick {
		cases = cases[:1]
		cases[0].jobs, length = 200, time.Second
	}
	b.say("memory: no open jobs")
	empty, err := memoryOf(ctx, b, 0, length)
	if err != nil {
		return err
	}
	for _, c := range cases {
		name := fmt.Sprintf("%s open jobs", number(float64(c.jobs)))
		if !b.wants(name) {
			continue
		}
		b.say("memory: %s", name)
		u, err := memoryOf(ctx, b, c.jobs, length)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, f := range []struct {
			what         string
			value, limit uint64
			aim          aim
		}{{"RSS, peak", u.Peak, empty.Peak, c.aim}, {"RSS, at the end", u.RSS, empty.RSS, aim{}}, {"live heap", u.Heap, empty.Heap, aim{}}} {
			b.report.add(figure{Benchmark: "memory", Case: name, What: f.what, Unit: "MB", Value: megabytes(f.value), Limit: megabytes(f.limit)}, f.aim)
		}
	}
	b.report.note("memory: a server process with its controller and webhook, for %s after its start, at 50 deliveries a second; its GitHub answers from no memory. "+
		"The limit is the same without open jobs. 20 repositories, 10 jobs a run, a label for each run, all waiting for 100 runners.", length)
	return nil
}

func megabytes(bytes uint64) float64 { return float64(bytes) / 1e6 }

func memoryOf(ctx context.Context, b *bench, jobs int, length time.Duration) (u usageOf, err error) {
	dir, err := os.MkdirTemp("", "bench-memory-")
	if err != nil {
		return u, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := fill(ctx, b, dir, jobs); err != nil {
		return u, fmt.Errorf("making open jobs: %w", err)
	}
	c, err := startChild(ctx, spec{Kind: kindServer, Dir: dir, MaxRunners: 100})
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	d := newDeliveries(ours)
	const perSecond = 50
	const spacing = time.Second / perSecond
	for i := range int64(length / spacing) {
		one := []request{d.httpRequest(d.make(firstJob+int64(jobs)+i, b.clock.Now()))}
		if _, err := load(ctx, b.clock, c.address, 1, one, d.suffix, length); err != nil {
			return u, err
		}
		if err := b.clock.Sleep(ctx, spacing); err != nil {
			return u, err
		}
	}
	return c.usage()
}

// fill makes queued jobs as the controller does: the first by an event, the others as its copies.
func fill(ctx context.Context, b *bench, dir string, jobs int) (err error) {
	if jobs == 0 {
		return nil
	}
	w, err := openWorld(ctx, worldOptions{dir: dir, log: io.Discard, labels: ours})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	_, err = w.queued(ctx, b.clock.Now(), jobs)
	return err
}

// Of the jobs that are made.
const (
	repositories = 20
	jobsOfRun    = 10
)

// queued makes jobs that wait, and returns their shape.
func (w *world) queued(ctx context.Context, now time.Time, jobs int) (fleet.ShapeKey, error) {
	var shape fleet.ShapeKey
	var pattern fleet.Job
	var writes []store.Write
	for i := range jobs {
		run := int64(firstJob + i - i%jobsOfRun)
		id := fleet.JobID{Host: host, ID: firstJob + int64(i)}
		if i%jobsOfRun == 0 { // a new run is a new label, and with it a new demand
			repo := repository()
			repo.ID, repo.Name = int64(100+i/jobsOfRun%repositories), "shop-"+strconv.Itoa(i/jobsOfRun%repositories)
			w.github.mu.Lock()
			s := w.github.sighting(run)
			w.github.mu.Unlock()
			s.Repository, s.Created = repo, now
			if err := w.controller.Apply(ctx, s); err != nil {
				return "", fmt.Errorf("making job %d: %w", id.ID, err)
			}
			kept, err := w.records.Job(ctx, id)
			if err != nil {
				return "", fmt.Errorf("reading job %d: %w", id.ID, err)
			}
			pattern, shape = kept.V.Job, kept.V.Shape
			continue
		}
		job := pattern
		job.ID = id
		const keep = 24 * time.Hour
		writes = append(writes, w.records.PutJob(record.Kept[record.Job]{}, record.Job{Job: job, Due: now.Add(time.Hour)}, keep)...)
		if len(writes) > store.MaxTransaction-5 || i == jobs-1 {
			if err := w.records.Commit(ctx, writes); err != nil {
				return "", fmt.Errorf("making jobs: %w", err)
			}
			writes = nil
		}
	}
	if err := w.records.Commit(ctx, writes); err != nil {
		return "", fmt.Errorf("making jobs: %w", err)
	}
	return shape, nil
}
