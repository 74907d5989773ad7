package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// senders is how many deliveries of a burst are on their way at once.
const senders = 64

// burst is what one burst measured: how long after its delivery was accepted each job's launch call started.
type burst struct {
	delays   []time.Duration
	accepted time.Duration // first delivery sent to last accepted
	last     time.Duration // first delivery sent to the start of the last launch call
	working  time.Duration // first delivery sent to the last job at work
	calls    int
}

// bursts measures from the accepted delivery to the start of the launch call.
func bursts(ctx context.Context, b *bench) error {
	sizes := []struct{ jobs, rounds int }{{1, 10}, {10, 5}, {100, 3}, {300, 3}, {1000, 5}}
	if b.quick {
		sizes = sizes[:2]
		for i := range sizes {
			sizes[i].rounds = 1
		}
	}
	for _, slow := range []bool{false, true} {
		for _, size := range sizes {
			name := fmt.Sprintf("%s, %d jobs", provided(slow), size.jobs)
			if !b.wants(name) {
				continue
			}
			rounds := size.rounds
			if slow {
				rounds = min(rounds, 3)
			}
			b.say("burst: %s, %d rounds", name, rounds)
			var product, limit []burst
			for range rounds {
				l, err := inFolder(func(dir string) (burst, error) { return bareBurst(ctx, b, dir, size.jobs) })
				if err != nil {
					return fmt.Errorf("the bare burst: %w", err)
				}
				p, err := inFolder(func(dir string) (burst, error) { return oneBurst(ctx, b, dir, size.jobs, slow) })
				if err != nil {
					return fmt.Errorf("a burst of %d: %w", size.jobs, err)
				}
				product, limit = append(product, p), append(limit, l)
			}
			reportBurst(b.report, name, slow, size.jobs, product, limit)
		}
	}
	b.report.note("burst: instant is a provider and a GitHub that answer at once; slow a launch call of %s and %s for each call of GitHub's.", launchTakes, githubTakes)
	b.report.note("burst: every job has a run and a label of its own, so that each is a demand; all share one shape. Rule 2.1 gathers jobs for 25 to 100 ms, " +
		"which the limit does too. Pacing is off: with it, launches beyond 180 machines wait for GitHub's 180 registrations a minute.")
	return nil
}

func provided(slow bool) string {
	if slow {
		return "slow"
	}
	return "instant"
}

func inFolder(f func(dir string) (burst, error)) (_ burst, err error) {
	dir, err := os.MkdirTemp("", "bench-burst-")
	if err != nil {
		return burst{}, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return f(dir)
}

func reportBurst(r *report, name string, slow bool, jobs int, product, limit []burst) {
	all := func(bursts []burst) (delays []time.Duration) {
		for _, x := range bursts {
			delays = append(delays, x.delays...)
		}
		return delays
	}
	median := func(bursts []burst, f func(burst) time.Duration) float64 {
		values := make([]float64, len(bursts))
		for i, x := range bursts {
			values[i] = milliseconds(f(x))
		}
		return middle(values)
	}
	var p99Aim, lastAim aim
	if jobs == 1000 {
		if slow {
			lastAim = atMost(2500, "ms")
		} else {
			p99Aim = atMost(200, "ms")
		}
	}
	for _, q := range []struct {
		what string
		q    float64
		aim  aim
	}{{"accepted to launch, p50", 0.5, aim{}}, {"accepted to launch, p99", 0.99, p99Aim}} {
		r.add(figure{
			Benchmark: "burst", Case: name, What: q.what, Unit: "ms",
			Value: milliseconds(quantile(all(product), q.q)), Limit: milliseconds(quantile(all(limit), q.q)),
		}, q.aim)
	}
	last := func(x burst) time.Duration { return x.last }
	accepted := func(x burst) time.Duration { return x.accepted }
	r.add(figure{Benchmark: "burst", Case: name, What: "first sent to all accepted", Unit: "ms", Value: median(product, accepted), Limit: median(limit, accepted)}, aim{})
	r.add(figure{Benchmark: "burst", Case: name, What: "first sent to last launch", Unit: "ms", Value: median(product, last), Limit: median(limit, last)}, lastAim)
	r.add(figure{
		Benchmark: "burst", Case: name, What: "first sent to all at work", Unit: "ms",
		Value: median(product, func(x burst) time.Duration { return x.working }),
	}, aim{})
}

// warmJob is a job before the measured ones: what a server has done once before.
const warmJob = firstJob - 1

func oneBurst(ctx context.Context, b *bench, dir string, jobs int, slow bool) (result burst, err error) {
	log := io.Discard
	if folder := os.Getenv(profileVariable); folder != "" {
		file, err := os.Create(fmt.Sprintf("%s/burst-%d.log", folder, jobs))
		if err != nil {
			return result, fmt.Errorf("making a log: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		log = file
	}
	w, err := openWorld(ctx, worldOptions{dir: dir, log: log, labels: ours, slow: slow, agents: true})
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	stop := w.start(ctx)
	defer func() { err = errors.Join(err, stop()) }()
	stopProfile := func() error { return nil }
	d := newDeliveries(ours)
	const patience = 2 * time.Minute
	ctx, cancel := b.clock.WithTimeout(ctx, patience)
	defer cancel()
	w.github.offer(warmJob)
	if _, err := deliver(ctx, b.clock, w.webhook, d, []delivery{d.make(warmJob, b.clock.Now())}); err != nil {
		return result, err
	}
	if err := w.cloud.await(ctx, func() bool { return w.cloud.working == 1 }); err != nil {
		return result, fmt.Errorf("waiting for the first machine: %w", err)
	}
	batch := make([]delivery, jobs)
	for i := range batch {
		batch[i] = d.make(firstJob+int64(i), b.clock.Now())
		w.github.offer(batch[i].job)
	}
	if folder := os.Getenv(profileVariable); folder != "" {
		if stopProfile, err = profile(fmt.Sprintf("%s/burst-%d.pprof", folder, jobs)); err != nil {
			return result, err
		}
	}
	sent := b.clock.Now()
	accepted, err := deliver(ctx, b.clock, w.webhook, d, batch)
	if err != nil {
		return result, err
	}
	if err := w.cloud.await(ctx, func() bool { return w.cloud.launched > jobs }); err != nil {
		return result, fmt.Errorf("waiting for the launches: %w", err)
	}
	if err := stopProfile(); err != nil {
		return result, err
	}
	if err := w.cloud.await(ctx, func() bool { return w.cloud.working > jobs }); err != nil {
		return result, fmt.Errorf("waiting for the jobs to be at work: %w", err)
	}
	working := b.clock.Now().Sub(sent)
	w.cloud.mu.Lock()
	starts := slices.Clone(w.cloud.starts[1:])
	w.cloud.mu.Unlock()
	result = measured(sent, accepted, starts)
	result.working = working
	return result, nil
}

// measured pairs the n-th accepted delivery with the n-th place of the launch calls in the order of their starts, since a
// launch is for a number of jobs and not for certain ones.
func measured(sent time.Time, accepted []time.Time, starts []launchStart) burst {
	slices.SortFunc(accepted, time.Time.Compare)
	slices.SortFunc(starts, func(a, b launchStart) int { return a.at.Compare(b.at) })
	result := burst{accepted: accepted[len(accepted)-1].Sub(sent), calls: len(starts)}
	next := 0
	for _, s := range starts {
		for range s.count {
			if next == len(accepted) {
				break
			}
			result.delays = append(result.delays, max(0, s.at.Sub(accepted[next]))) // a launch may overtake its 202
			result.last = s.at.Sub(sent)
			next++
		}
	}
	return result
}

// deliver hands the deliveries to a webhook's handler and returns when each was answered.
func deliver(ctx context.Context, clock seam.Clock, handler http.Handler, d *deliveries, batch []delivery) ([]time.Time, error) {
	accepted := make([]time.Time, len(batch))
	failures := make([]error, len(batch))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(senders, len(batch)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(batch) {
					return
				}
				r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/webhook", bytes.NewReader(d.body(batch[i])))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("X-GitHub-Event", "workflow_job")
				r.Header.Set("X-GitHub-Delivery", batch[i].guid)
				r.Header.Set("X-Hub-Signature-256", batch[i].signature)
				out := httptest.NewRecorder()
				handler.ServeHTTP(out, r)
				accepted[i] = clock.Now()
				if out.Code != http.StatusAccepted {
					failures[i] = fmt.Errorf("a delivery was answered %d: %s", out.Code, out.Body)
				}
			}
		})
	}
	wg.Wait()
	return accepted, errors.Join(failures...)
}

// bareBurst is the limit: the bare handler's deliveries, gathered as rule 2.1 says, and a synced record for each launch of
// at most 90.
func bareBurst(ctx context.Context, b *bench, dir string, jobs int) (_ burst, err error) {
	log, err := openSyncedLog(dir + "/deliveries.log")
	if err != nil {
		return burst{}, err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	d := newDeliveries(ours)
	batch := make([]delivery, jobs)
	for i := range batch {
		batch[i] = d.make(firstJob+int64(i), b.clock.Now())
	}
	arrived := make(chan struct{}, jobs)
	handler := newBare(log)
	announcing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		arrived <- struct{}{}
	})
	starts := make(chan []launchStart, 1)
	go func() { starts <- gather(ctx, b.clock, log, arrived, jobs) }()
	sent := b.clock.Now()
	accepted, err := deliver(ctx, b.clock, announcing, d, batch)
	if err != nil {
		return burst{}, err
	}
	return measured(sent, accepted, <-starts), ctx.Err()
}

// The gathering of rule 2.1.
const (
	gatherQuiet = 25 * time.Millisecond
	gatherMost  = 100 * time.Millisecond
)

func gather(ctx context.Context, clock seam.Clock, log *syncedLog, arrived <-chan struct{}, jobs int) []launchStart {
	var starts []launchStart
	for done := 0; done < jobs; {
		count, began := 0, time.Time{}
		quiet := time.NewTimer(time.Hour)
		for over := false; !over; {
			select {
			case <-arrived:
				if count++; count == 1 {
					began = clock.Now()
				}
				quiet.Reset(min(gatherQuiet, gatherMost-clock.Now().Sub(began)))
			case <-quiet.C:
				over = true
			case <-ctx.Done():
				return starts
			}
		}
		for left := count; left > 0; left -= fleet.MaxLaunchCount {
			if log.append(make([]byte, recordBytes)) != nil {
				return starts
			}
			starts = append(starts, launchStart{clock.Now(), min(left, fleet.MaxLaunchCount)})
		}
		done += count
	}
	return starts
}
