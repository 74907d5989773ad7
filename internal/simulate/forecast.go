package simulate

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

// Forecast lets the fleet of a plan serve its jobs. started is told from time to time how many of them have begun to run.
//
// It needs no test: synctest wants a *testing.T to report failures to, and there are none, since a world that goes wrong is an
// answer of run. The zero value, which reads no flags and prints nothing, is enough for that.
func Forecast(plan forecast.Plan, started func(int)) (out forecast.Outcome, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one thing happens at a time: more processors only pass it around
	synctest.Test(new(testing.T), func(*testing.T) { out, err = foretell(plan, started) })
	return out, err
}

// always is the time of faults in a forecast: they happen until the last job is over.
const always = 50 * 365 * 24 * time.Hour

func foretell(plan forecast.Plan, started func(int)) (forecast.Outcome, error) {
	types, err := typesOf(plan)
	if err != nil {
		return forecast.Outcome{}, err
	}
	w := newWorld(Config{Seed: plan.Seed, Replicas: 1, Faulty: always, Rates: ratesOf(plan), Forecast: &plan, types: types}, false)
	f := &foreseen{w: w, plan: plan, ids: make([]int64, len(plan.Jobs)), left: len(plan.Jobs), started: started}
	for _, r := range w.replicas {
		r.begin()
	}
	w.hub.tick()
	w.doom()
	f.queue()
	rested := false
	w.s.after(lookEvery, "look", func() { f.look(&rested) })
	w.s.run(func() bool { return rested || w.check.first != nil })
	w.stop()
	if v := w.check.first; v != nil {
		return forecast.Outcome{}, fmt.Errorf("%s into the simulation the fleet broke a promise, which is a bug of ours; please report it with the command: %s: %s", //nolint:err113 // for people
			v.At.Round(time.Second), v.Invariant, v.Text)
	}
	return f.outcome(), nil
}

// ratesOf are the faults that a plan asks for.
func ratesOf(plan forecast.Plan) Rates {
	rates := Rates{}
	if plan.Faults {
		rates = typical()
		for _, f := range notWeather() {
			delete(rates, f)
		}
	}
	if plan.Poll > 0 {
		rates[WebhookLost] = 1
	}
	if plan.Interruptions > 0 {
		rates[SpotReclaim] = plan.Interruptions
	}
	return rates
}

// notWeather are the faults that change what is asked of the fleet, which the plan says.
func notWeather() []Fault {
	return []Fault{JobTaken, RunCancelled, Revision, FewRunners, LongJob, RunCompletesEarly, Rush}
}

// promisedAlways names what a forecast is held to. Most invariants have bounds that are those of a campaign's worlds, and a
// fleet that is planned too small breaks them; and looking at every write takes a quarter of a run's time.
func promisedAlways(invariant string) bool {
	return slices.Contains([]string{"NeverKillBusy", "NoPanic", "Quiescence", "RightFleet"}, invariant)
}

// foreseen follows the jobs of a plan.
type foreseen struct {
	w       *World
	plan    forecast.Plan
	ids     []int64 // GitHub's, of each job of the plan that was queued
	runs    map[int64]time.Duration
	left    int // that are still to be queued
	started func(int)
}

// queue plans when each job is queued, as a run of its own.
func (f *foreseen) queue() {
	f.runs = make(map[int64]time.Duration, len(f.plan.Jobs))
	f.w.durations = f.runs
	names := fileNames(f.plan.Jobs)
	for i, job := range f.plan.Jobs {
		f.w.s.after(job.At, fmt.Sprintf("job %d of the plan", i), func() {
			run := f.w.dispatch(0, names[labelSet(job.Labels)])
			for _, made := range f.w.hub.gh.JobsOf(run, run.Attempt) {
				f.ids[i], f.runs[made.ID] = made.ID, job.Runs
			}
			f.left--
		})
	}
}

// fileNames names a workflow for each set of labels, in the order in which they first come.
func fileNames(jobs []forecast.Job) map[string]string {
	names := map[string]string{}
	for _, job := range jobs {
		if set := labelSet(job.Labels); names[set] == "" {
			names[set] = fmt.Sprintf("jobs-%d", len(names)+1)
		}
	}
	return names
}

// files are the workflows of every repository: those of the campaign, or one for each set of labels of a plan.
func (w *World) files() map[string]string {
	if w.cfg.Forecast == nil {
		return workflows()
	}
	out := map[string]string{}
	for set, name := range fileNames(w.cfg.Forecast.Jobs) {
		labels, err := json.Marshal(strings.Split(set, "\x00"))
		if err != nil {
			panic("simulate: " + err.Error()) // strings
		}
		out[workflowFolder+name+".yml"] = fmt.Sprintf("on: workflow_dispatch\njobs:\n  job:\n    runs-on: %s\n    timeout-minutes: %d\n    steps: [{run: \"true\"}]\n",
			labels, forecast.LongestJob/time.Minute)
	}
	return out
}

// look looks, again and again, until everything has come to rest after the last job of the plan.
func (f *foreseen) look(rested *bool) {
	w := f.w
	f.started(len(w.stats.Waits))
	w.check.leaks()
	last := f.plan.Jobs[len(f.plan.Jobs)-1].At
	switch {
	case f.left == 0 && w.check.quiet():
		*rested = true
	case w.since() > last+world.QueueLimit+forecast.LongestJob+quietWithin:
		text, about := w.check.restless()
		w.check.violated("Quiescence", about, "%s after the last job there are still: %s", w.since()-last, text)
	default:
		w.s.after(lookEvery, "look", func() { f.look(rested) })
	}
}

// outcome is what became of the plan.
func (f *foreseen) outcome() forecast.Outcome {
	w := f.w
	out := forecast.Outcome{Steps: w.s.steps, Hash: w.s.sum.Sum64(), Faults: map[string]int{}}
	for fault, n := range w.stats.Faults {
		out.Faults[string(fault)] = n
	}
	since := func(t time.Time) time.Duration {
		if t.IsZero() {
			return 0
		}
		return t.Sub(w.start)
	}
	ranOn := map[int64]int{}
	for i, m := range w.cloud.machines {
		out.Machines = append(out.Machines, forecast.Machine{
			Ordered: since(m.created), Booted: since(m.booted), Ended: since(m.ended), Ran: m.ran, Spec: m.spec, Market: m.inst.Market,
		})
		out.Ended = max(out.Ended, since(m.ended))
		if m.ran {
			ranOn[m.worker.job] = i
		}
	}
	for _, id := range f.ids {
		job := w.hub.gh.Job(id)
		s := forecast.Served{
			Queued: since(job.QueuedAt), Started: since(job.StartedAt), Ended: since(job.CompletedAt), Ran: job.RunnerID != 0,
			Conclusion: string(job.Conclusion), Machine: -1,
		}
		if i, ok := ranOn[id]; ok && s.Ran {
			s.Machine = i
			m := &out.Machines[i]
			m.Busy = max(0, min(s.Ended, m.Ended)-s.Started)
		}
		out.Jobs = append(out.Jobs, s)
		out.Ended = max(out.Ended, s.Ended)
	}
	return out
}

// durationOf is how long a job takes: what the plan says, or what chance does.
func (w *World) durationOf(job int64) time.Duration {
	if w.cfg.Forecast == nil {
		return w.duration()
	}
	return w.durations[job]
}

// scanInterval is how often GitHub is asked for jobs.
func (w *World) scanInterval() time.Duration {
	if w.cfg.Forecast != nil && w.cfg.Forecast.Poll > 0 {
		return w.cfg.Forecast.Poll
	}
	return time.Minute
}

// dueInterval is how often rows that are due are looked for: as in production in some worlds. In others it is less often, since
// most steps of a world would be looks that find nothing; every bound has room for it.
func (w *World) dueInterval() time.Duration {
	if w.cfg.Forecast != nil || w.cfg.Seed%4 == 0 {
		return 0 // the controller's own
	}
	return seldomDue
}

const seldomDue = 2 * time.Second

// stop ends every replica.
func (w *World) stop() {
	for _, r := range w.replicas {
		r.serves = false
		w.s.killing(r.d)
		r.stop()
		w.s.kill(r.d)
	}
	w.cloud.count()
}
