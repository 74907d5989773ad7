package simulate

import (
	"strconv"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// The labels that several runs share; other jobs carry their run's id.
const (
	sharedSmall = "runs-fleet/cpu=2"
	sharedLarge = "runs-fleet/cpu=4/max=10m"
)

const workflowFolder = ".github/workflows/"

// kinds are the workflows that people start, by the number of their jobs.
func kinds() []string { return []string{"one", "two", "four", "chain", "small", "large"} }

// workflows are the files of every repository.
func workflows() map[string]string {
	matrix := func(label string, n int) string {
		legs := make([]string, n)
		for i := range legs {
			legs[i] = strconv.Itoa(i + 1)
		}
		return "on: workflow_dispatch\njobs:\n  build:\n    strategy:\n      fail-fast: false\n      matrix:\n        leg: [" + strings.Join(legs, ", ") + "]\n    runs-on: \"" +
			label + "\"\n    timeout-minutes: 600\n    steps: [{run: \"true\"}]\n"
	}
	own := "runs-fleet=${{ github.run_id }}/cpu=2"
	return map[string]string{
		workflowFolder + "one.yml":   matrix(own, 1),
		workflowFolder + "two.yml":   matrix(own+"/id=${{ strategy.job-index }}", 2),
		workflowFolder + "four.yml":  matrix(own, 4),
		workflowFolder + "small.yml": matrix(sharedSmall, 2),
		workflowFolder + "large.yml": matrix(sharedLarge, 3),
		workflowFolder + "chain.yml": "on: workflow_dispatch\njobs:\n" +
			"  first:\n    runs-on: \"" + own + "\"\n    steps: [{run: \"true\"}]\n" +
			"  second:\n    needs: first\n    runs-on: \"" + own + "\"\n    steps: [{run: \"true\"}]\n",
	}
}

func jobsOf(kind string) int {
	switch kind {
	case "one":
		return 1
	case "four":
		return 4
	case "large":
		return 3
	default:
		return 2
	}
}

// plan plans the runs of the world: some alone, some in bursts.
func (w *World) plan() {
	for left := w.cfg.Jobs; left > 0; {
		at := w.work.between(time.Second, w.cfg.Faulty)
		burst := 1
		if w.work.chance(0.15) {
			burst = 2 + w.work.below(4)
		}
		for range burst {
			if left <= 0 {
				break
			}
			kind := kinds()[w.work.below(len(kinds()))]
			left -= jobsOf(kind)
			repository := w.work.below(len(w.hub.repos))
			w.s.after(at, "dispatch "+kind, func() { w.dispatch(repository, kind) })
			at += w.work.between(0, 2*time.Second)
		}
	}
}

// dispatch starts a run.
func (w *World) dispatch(repository int, kind string) *world.Run {
	run, err := w.hub.gh.Dispatch(w.hub.repos[repository], workflowFolder+kind+".yml", world.Trigger{}, w.s.now)
	if err != nil {
		panic("simulate: " + err.Error()) // the files above
	}
	w.hub.advance()
	return run
}

// duration is how long a job takes: a minute and a half on average, some ten times as long.
func (w *World) duration() time.Duration {
	d := time.Duration(w.agenty.r.ExpFloat64() * float64(90*time.Second))
	if long := w.agenty.between(16*time.Minute, 30*time.Minute); w.strikes(LongJob) {
		return long
	}
	return min(d+2*time.Second, 15*time.Minute)
}
