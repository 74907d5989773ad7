package world

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/workflow"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// World is all state of the simulated GitHub.
type World struct {
	random  seam.Random
	speedup float64
	faults  Faults

	nextID       int64
	nextRunner   int64
	created      time.Time
	repositories []*Repository
	runs         map[int64]*Run
	runOrder     []int64
	jobs         map[int64]*Job
	parsed       map[string]*workflow.File // by their text: never changed, so runs share them
	live         []int64                   // runs that are not completed, oldest first
	scopes       []*Scope
	runners      []*Runner // every live registration, oldest first
	secrets      map[string]*Runner
	groups       map[string]*concurrencyGroup
	events       []Event
	changes      uint64
	moved        bool // a run, a job or a session changed: runs may progress, jobs may match
}

// New returns an empty world. A speed-up of 0 or 1 keeps GitHub's own slow clocks.
func New(random seam.Random, speedup float64, now time.Time) *World {
	return &World{
		created: now, random: random, speedup: speedup, nextID: 41_317_529_846, nextRunner: 2_100,
		runs: map[int64]*Run{}, jobs: map[int64]*Job{}, parsed: map[string]*workflow.File{}, secrets: map[string]*Runner{}, groups: map[string]*concurrencyGroup{},
	}
}

// Created is when the world began.
func (w *World) Created() time.Time { return w.created }

// Faults returns the faults that are on.
func (w *World) Faults() Faults { return w.faults }

// SetFaults replaces the faults; what they have done already stays done.
func (w *World) SetFaults(f Faults) { w.faults = f }

// NextID returns a new id, unique in this world and above 32 bits as GitHub's are.
func (w *World) NextID() int64 {
	w.nextID += 1 + w.nextID%7 // gaps, so that nobody relies on consecutive ids
	return w.nextID
}

// Changes counts assignments and removed registrations: what a listener's long poll waits for.
func (w *World) Changes() uint64 { return w.changes }

// Advance lets everything happen that is due at now: time-outs, removals, the progress of runs, and assignments.
func (w *World) Advance(now time.Time) {
	w.expireSessions(now)
	w.removeRegistrations(now)
	w.requeueUnacknowledged(now)
	w.endOverdueJobs(now)
	w.finishForeignJobs(now)
	if w.moved {
		w.moved = false
		w.progressRuns(now)
		w.match(now)
	}
}

func (w *World) progressRuns(now time.Time) {
	for _, id := range append([]int64(nil), w.live...) {
		w.progress(w.runs[id], now)
	}
	kept := w.live[:0]
	for _, id := range w.live {
		if w.runs[id].Status != Completed {
			kept = append(kept, id)
		}
	}
	w.live = kept
}

// liveJobs calls f for every job of a live run's latest attempt, oldest run first.
func (w *World) liveJobs(f func(*Run, *Job)) {
	for _, id := range append([]int64(nil), w.live...) {
		run := w.runs[id]
		for _, job := range w.JobsOf(run, run.Attempt) {
			f(run, job)
		}
	}
}

// GUID returns a random identifier in the form of a UUID.
func (w *World) GUID() string {
	const bytes = 16
	t := w.random.Token(bytes)
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}
