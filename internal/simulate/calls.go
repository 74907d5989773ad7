package simulate

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Watch is told of the calls that replicas make of services which bill them.
type Watch interface {
	// Store returns the store as an asker reaches it.
	Store(asker string, s store.Store) store.Store
	// Queue is told of one call of the queue.
	Queue(asker, operation string)
}

// Load is what a fleet without faults has to do while its calls are watched.
type Load struct {
	Seed     uint64
	Replicas int
	Jobs     int           // may be none: then the fleet idles for the time that is watched
	Apart    time.Duration // from one job's webhook to the next
	Runs     time.Duration // how long each job takes
	Boot     forecast.Spread
	Idle     time.Duration // how long an idle fleet is watched
}

// loadLabels are those of jobs which carry their run's id, as they do in nearly all workflows: each is a demand of its own, and all
// are of one shape.
func loadLabels() []string { return []string{"runs-fleet=${{ github.run_id }}/cpu=2"} }

// Calls lets a fleet without faults serve a load, and tells watch of every call. It returns the virtual time that this took.
func Calls(load Load, watch Watch) (took time.Duration, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // see Forecast
	synctest.Test(new(testing.T), func(*testing.T) { took, err = calls(load, watch) })
	return took, err
}

func calls(load Load, watch Watch) (time.Duration, error) {
	plan := forecast.Plan{Seed: load.Seed, Boot: load.Boot}
	for i := range max(1, load.Jobs) {
		plan.Jobs = append(plan.Jobs, forecast.Job{At: time.Minute + time.Duration(i)*load.Apart, Runs: load.Runs, Labels: loadLabels()})
	}
	types, err := typesOf(plan)
	if err != nil {
		return 0, err
	}
	w := newWorld(Config{Seed: load.Seed, Replicas: load.Replicas, Faulty: always, Rates: Rates{}, Forecast: &plan, Watch: watch, types: types}, false)
	f := &foreseen{w: w, plan: plan, ids: make([]int64, len(plan.Jobs)), left: load.Jobs, started: func(int) {}}
	for _, r := range w.replicas {
		r.begin()
	}
	w.hub.tick()
	rested := false
	if load.Jobs == 0 {
		w.s.after(load.Idle, "watched for long enough", func() { rested = true })
	} else {
		f.queue()
		w.s.after(lookEvery, "look", func() { f.look(&rested) })
	}
	w.s.run(func() bool { return rested || w.check.first != nil })
	w.stop()
	if v := w.check.first; v != nil {
		return 0, fmt.Errorf("%s into the load the fleet broke a promise: %s: %s", v.At.Round(time.Second), v.Invariant, v.Text) //nolint:err113 // for people
	}
	return w.since(), nil
}

// billed says whether the store and the queue of the world bill each call.
func (w *World) billed() bool {
	return w.cfg.Watch != nil || w.cfg.Forecast == nil && w.cfg.Seed%billedOneIn == 1
}

// billedOneIn is how many worlds there are to one whose store and queue bill each call.
const billedOneIn = 3

// called tells the watch of a call of the queue.
func (w *World) called(ctx context.Context, operation string) {
	if w.cfg.Watch != nil {
		w.cfg.Watch.Queue(Asker(seam.Task(ctx)), operation)
	}
}

// reach is the store, watched if somebody watches.
func (s storeSeam) reach(ctx context.Context) store.Store {
	if s.w.cfg.Watch == nil {
		return s.w.store
	}
	return s.w.cfg.Watch.Store(Asker(seam.Task(ctx)), s.w.store)
}

// Asker is what kind of work a task is: "reconcile" of whichever shape, "poll" of whichever machine.
func Asker(task string) string {
	periodic := []string{"leases", "due rows", "shapes", "GitHub truth", "provider truth", "registrations"}
	switch {
	case task == "", task == "run":
		return "start"
	case slices.Contains(periodic, task):
		return task
	}
	words := strings.Fields(task)
	switch last := words[len(words)-1]; {
	case last == "poll", last == "hello":
		return last
	case words[0] == "acknowledge", words[0] == "delete":
		return "delete messages"
	case words[0] == "queue":
		return "receive messages"
	case slices.Contains([]string{"reconcile", "launch", "machine", "message", "hold", "wake", "end"}, words[0]):
		return words[0]
	default:
		return "webhook"
	}
}
