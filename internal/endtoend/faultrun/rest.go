package faultrun

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// leftover says what is left of jobs, machines, registrations and rows; empty when nothing is.
func (w *world) leftover(ctx context.Context) string {
	var out []string
	say := func(n int, what string) {
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, what))
		}
	}
	open := 0
	for _, j := range w.github.Jobs(0) {
		if j.Status != "completed" {
			open++
		}
	}
	say(open, "jobs at GitHub")
	ours := 0
	for _, r := range w.github.Registrations() {
		if !r.Foreign {
			ours++
		}
	}
	say(ours, "registrations")
	say(len(w.cloud.aliveIDs()), "instances")
	if len(out) == 0 { // the rows only when they could be at rest too
		if err := w.rowsLeft(ctx, say); err != nil {
			out = append(out, err.Error())
		}
	}
	return strings.Join(out, ", ")
}

func (w *world) rowsLeft(ctx context.Context, say func(int, string)) error {
	live, err := w.records.Live(ctx, fleet.DefaultEnvironment)
	machines, err2 := w.records.LiveMachines(ctx)
	shapes, err3 := w.records.AliveShapes(ctx)
	if err := errors.Join(err, err2, err3); err != nil {
		return fmt.Errorf("reading rows: %w", err)
	}
	say(live.V.Count, "machines in the environment's count")
	say(len(machines), "rows of live machines")
	say(len(shapes), "shapes that are alive")
	for _, state := range []fleet.JobState{fleet.JobWaiting, fleet.JobQueued, fleet.JobInProgress} {
		n, _, err := w.records.CountJobs(ctx, state, 1000)
		if err != nil {
			return fmt.Errorf("reading rows: %w", err)
		}
		say(n, "rows of jobs that are "+string(state))
	}
	return nil
}

// rest waits until nothing is left, and returns how long that took.
func (w *world) rest(ctx context.Context) (time.Duration, error) {
	const look, tell = time.Second, 15
	began := w.clock.Now()
	for n := 0; ; n++ {
		left := w.leftover(ctx)
		took := w.clock.Now().Sub(began)
		if left == "" {
			return took, nil
		}
		if err := w.broken(); err != nil {
			return took, err
		}
		if took > w.o.Rest {
			w.judge.violated("Quiescence", "%s after the last fault there are still: %s (%s)", took.Round(time.Second), left,
				strings.Join(w.cloud.aliveIDs(), " "))
			return took, nil
		}
		if n%tell == 0 {
			w.o.Progress("%s after the last fault there are: %s", took.Round(time.Second), left)
		}
		if err := w.clock.Sleep(ctx, look); err != nil {
			return took, fmt.Errorf("waiting for rest: %w", err)
		}
	}
}

// launches asserts OneFleetPerLaunch of the rows: no launch has more machines than places.
func (w *world) launches(ctx context.Context) error {
	w.cloud.mu.Lock()
	made := map[string]int{}
	for id, l := range w.cloud.launches {
		made[id] = l.request.Count
	}
	w.cloud.mu.Unlock()
	for id, count := range made {
		row, err := w.records.Launch(ctx, id)
		if err != nil {
			return fmt.Errorf("reading launch %s: %w", id, err)
		}
		if !row.Exists() {
			w.judge.violated("OneFleetPerLaunch", "launch %s was called and has no row", id)
			continue
		}
		if l := row.V; l.Count != count || l.Attached+l.Failed != l.Count {
			w.judge.violated("OneFleetPerLaunch", "launch %s of %d machines has a row of %d, %d attached, %d failed", id, count, l.Count, l.Attached, l.Failed)
		}
	}
	return nil
}
