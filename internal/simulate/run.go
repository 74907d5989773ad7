package simulate

import (
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// Result is what became of a run.
type Result struct {
	Config    Config
	Hash      uint64 // of everything that happened, in its order
	Stats     Stats
	Violation *Violation
	History   []string // of what the violation concerns, if it was kept
	history   *history
}

// maxSteps ends a world that makes no progress in virtual time.
const maxSteps = 30_000_000

// Run lets a world live in a bubble of its own. With keep, the history of a violation is told.
func Run(t *testing.T, cfg Config, keep bool) Result {
	t.Helper()
	return Trace(t, cfg, keep, nil)
}

// Trace is Run with a line for every step: the first difference of two traces is where a run stops being repeatable.
func Trace(t *testing.T, cfg Config, keep bool, out io.Writer) Result {
	t.Helper()
	if cfg.SQLite {
		folder, err := os.MkdirTemp(memoryDisk(), "world-") //nolint:usetesting // a campaign's test has thousands of worlds, and is over at its end only
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(folder) }()
		cfg.folder = folder
	}
	var res Result
	synctest.Test(t, func(*testing.T) { res = run(cfg, keep, out) })
	return res
}

// memoryDisk is a folder in memory, where waiting for the disk costs nothing, if the system has one.
func memoryDisk() string {
	const linux = "/dev/shm"
	if info, err := os.Stat(linux); err == nil && info.IsDir() {
		return linux
	}
	return ""
}

func run(cfg Config, keep bool, trace io.Writer) Result {
	w := newWorld(cfg, keep)
	if trace != nil {
		w.s.watch = func(key string) { _, _ = fmt.Fprintln(trace, w.since(), key) }
	}
	for _, r := range w.replicas {
		r.begin()
	}
	w.hub.tick()
	w.plan()
	w.doom()
	if cfg.Forecast == nil {
		w.hub.forge()
	}
	w.s.after(cfg.Faulty, "faults end", w.calm)
	w.s.after(cfg.Faulty+probesAfter, "probes", w.probe)
	rested := false
	w.s.after(lookEvery, "look", func() { w.lookOn(&rested) })
	w.s.run(func() bool { return rested || w.check.first != nil })
	if w.check.first == nil {
		w.stats.Rest = w.s.now.Sub(w.probed)
		w.check.rested()
	}
	w.stop()
	if err := w.store.Close(); err != nil && w.check.first == nil {
		w.check.violated("RestartSafe", nil, "the store cannot be closed: %v", err)
	}
	w.stats.Runs, w.stats.Steps, w.stats.Virtual = 1, w.s.steps, w.since()
	w.hub.jobs(func(*world.Run, *world.Job) { w.stats.Jobs++ })
	res := Result{Config: cfg, Hash: w.s.sum.Sum64(), Stats: w.stats, Violation: w.check.first, history: w.history}
	if keep && w.check.first != nil {
		res.History = w.history.of(w.check.first.About, historyLines)
	}
	return res
}

// historyLines bounds what a violation tells.
const historyLines = 400

// lookOn looks, again and again, until everything has come to rest after the probes.
func (w *World) lookOn(rested *bool) {
	quiet := w.check.look()
	after := w.s.now.Sub(w.end)
	switch {
	case quiet && !w.probed.IsZero() && w.s.now.Sub(w.probed) > probeServed:
		*rested = true
	case after > quietWithin:
		text, about := w.check.restless()
		w.check.violated("Quiescence", about, "%s after the last fault there are still: %s", after, text)
	case w.s.steps > maxSteps:
		w.check.violated("Progress", nil, "%d steps in %s", w.s.steps, w.since())
	default:
		if quiet && after > probesSoon && w.cfg.Seed%8 != 1 && w.check.settled() {
			w.probe()
		}
		w.s.after(lookEvery, "look", func() { w.lookOn(rested) })
	}
}

// probe queues fresh jobs when faults are long over, or as soon as nothing that they did is left (in one world of eight the
// controllers go on for a while with nothing to do). The jobs must be served within the bounds of section 9. Those speak of jobs
// for which there is capacity: where few runners are allowed, older jobs may still fill them, and rest is all that is asked.
func (w *World) probe() {
	if !w.probed.IsZero() {
		return
	}
	w.probed = w.s.now
	for i := range w.hub.repos {
		run := w.dispatch(i, "one")
		if w.maxRunners() > 0 {
			continue
		}
		launches := w.stats.Launches
		w.s.after(probeLaunched, "probe is launched for", func() {
			if w.stats.Launches == launches {
				w.check.violated("NoLostJob", w.jobsAbout(run), "nothing was launched for a fresh job within %s", probeLaunched)
			}
		})
		w.s.after(probeServed, "probe is served", func() {
			for _, job := range w.hub.gh.JobsOf(run, run.Attempt) {
				if job.Status == world.Queued {
					w.check.violated("NoLostJob", []string{jobName(job.ID)}, "fresh job %d does not run after %s", job.ID, probeServed)
				}
			}
		})
	}
}

func (w *World) jobsAbout(run *world.Run) []string {
	var about []string
	for _, job := range w.hub.gh.JobsOf(run, run.Attempt) {
		about = append(about, jobName(job.ID))
	}
	return about
}

// Replay is the command that repeats a run.
func (r Result) Replay() string { return fmt.Sprintf("go run ./internal/simulate/sim %s -v", r.Config) }
