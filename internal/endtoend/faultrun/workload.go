package faultrun

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

const workflowFolder = ".github/workflows/"

// kind is a workflow that people start.
type kind struct {
	file   string
	jobs   int
	weight int
}

// kinds are they: single jobs, matrices, jobs that wait for others, and labels that several runs share.
func kinds() []kind {
	return []kind{{"one.yml", 1, 6}, {"four.yml", 4, 3}, {"twenty.yml", 20, 1}, {"chain.yml", 3, 2}, {"shared.yml", 2, 3}, {"large.yml", 2, 2}}
}

func workflows() map[string]string {
	const own = "runs-fleet=${{ github.run_id }}/cpu=2"
	matrix := func(label string, n int) string {
		legs := make([]string, n)
		for i := range legs {
			legs[i] = strconv.Itoa(i + 1)
		}
		return "on: workflow_dispatch\njobs:\n  work:\n    strategy:\n      fail-fast: false\n      matrix:\n        leg: [" + strings.Join(legs, ", ") +
			"]\n    runs-on: " + label + "\n    steps:\n      - run: sleep 2; echo \"ran ${{ matrix.leg }}\"\n"
	}
	step := "    runs-on: " + own + "\n    steps:\n      - run: sleep 1; echo ran\n"
	return map[string]string{
		"README.md":                   "# Shop\n",
		workflowFolder + "one.yml":    matrix(own, 1),
		workflowFolder + "four.yml":   matrix(own, 4),
		workflowFolder + "twenty.yml": matrix(own, 20),
		workflowFolder + "shared.yml": matrix("runs-fleet/cpu=2", 2),
		workflowFolder + "large.yml":  matrix("runs-fleet=${{ github.run_id }}/cpu=4", 2),
		workflowFolder + "chain.yml": "on: workflow_dispatch\njobs:\n  first:\n" + step + "  second:\n    needs: first\n" + step +
			"  third:\n    needs: first\n" + step,
	}
}

// work starts runs at random moments until the context ends or as many jobs were queued as are wanted.
func (w *world) work(ctx context.Context) error {
	random := rand.New(rand.NewPCG(w.o.Seed, streamJobs)) //nolint:gosec // a run that can be repeated
	total, jobs := 0, 0
	for _, k := range kinds() {
		total += k.weight
		jobs += k.weight * k.jobs
	}
	began := w.clock.Now()
	for queued := 0; queued < w.o.Jobs; {
		left := w.o.For - w.clock.Now().Sub(began)
		runs := (w.o.Jobs - queued) * total / jobs // that are still to come, as the weights are
		pause := max(0, left) / time.Duration(runs+1)
		// An exponential pause: runs that people start know nothing of each other.
		if w.clock.Sleep(ctx, time.Duration(random.ExpFloat64()*float64(pause))) != nil {
			return nil //nolint:nilerr // the end of the faults is no error
		}
		k := draw(random, total)
		if _, err := w.github.Dispatch(simclient.Dispatch{Repository: repository, Path: workflowFolder + k.file}); err != nil {
			return fmt.Errorf("starting a run of %s: %w", k.file, err)
		}
		queued += k.jobs
	}
	return nil
}

func draw(random *rand.Rand, total int) kind {
	n := random.IntN(total)
	for _, k := range kinds() {
		if n -= k.weight; n < 0 {
			return k
		}
	}
	return kinds()[0]
}

// take gives a queued job to somebody else's runner.
func (w *world) take(draw uint64) bool {
	var queued []simclient.Job
	for _, j := range w.github.Jobs(0) {
		if j.Status == "queued" {
			queued = append(queued, j)
		}
	}
	if len(queued) == 0 {
		return false
	}
	j := queued[draw%uint64(len(queued))]
	name := fmt.Sprintf("somebody-%d", j.ID)
	err := w.github.AddForeign(simclient.Foreign{Scope: repository, Name: name, Labels: j.Labels})
	if err == nil {
		err = w.github.Steal(simclient.Steal{Job: j.ID, Runner: name})
	}
	if err != nil {
		return false // its runner was faster
	}
	w.judge.excuse(excuseTaken)
	return true
}

// cancel cancels a run with jobs that wait.
func (w *world) cancel(draw uint64) bool {
	waiting := map[int64]int{}
	var runs []int64
	for _, j := range w.github.Jobs(0) {
		if j.Status == "queued" {
			if waiting[j.RunID] == 0 {
				runs = append(runs, j.RunID)
			}
			waiting[j.RunID]++
		}
	}
	if len(runs) == 0 {
		return false
	}
	run := runs[draw%uint64(len(runs))]
	if err := w.github.Cancel(run); err != nil {
		return false
	}
	w.judge.cancelled(run, waiting[run])
	return true
}
