package forecast

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/label"
)

// Workload describes jobs by a few figures.
type Workload struct {
	Jobs    int
	Over    time.Duration // from the first to the last of them, about
	Arrival Arrival
	Runs    Spread
	Mix     []Share
}

// Share is a kind of job and how many there are of it, compared with the others.
type Share struct {
	Weight float64
	Labels []string
}

// MostJobs bounds a workload: a hundred thousand jobs take minutes and a gigabyte of memory.
const MostJobs = 100_000

// ParseShare reads the labels of a runs-on, separated by commas, with a weight before them if there is a mix: 3:runs-fleet/cpu=2.
func ParseShare(text string) (Share, error) {
	s := Share{Weight: 1}
	if weight, rest, ok := strings.Cut(text, ":"); ok {
		w, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		if err != nil || w <= 0 || w > MostJobs {
			return Share{}, fmt.Errorf("%q is no weight: write 3:runs-fleet/cpu=2 for three times as many", weight) //nolint:err113 // for people
		}
		s.Weight, text = w, rest
	}
	for l := range strings.SplitSeq(text, ",") {
		s.Labels = append(s.Labels, strings.TrimSpace(l))
	}
	if err := CheckLabels(s.Labels); err != nil {
		return Share{}, err
	}
	return s, nil
}

// someRun stands for a run's id when a label with ${{ github.run_id }} is looked at before there is a run.
const someRun = "1"

// CheckLabels says what is wrong with the labels of a job, as the server would.
func CheckLabels(labels []string) error {
	written := Written(labels)
	for i, l := range labels {
		if strings.Contains(written[i], "${{") {
			return fmt.Errorf("label %q: of GitHub's expressions only ${{ github.run_id }} is known here", l) //nolint:err113 // for people
		}
	}
	_, err := label.Resolve(written, label.Fleet{})
	if errors.Is(err, label.ErrNotOurs) {
		return fmt.Errorf("%w: the fleet leaves such jobs alone; write runs-fleet, or for example runs-fleet/cpu=4", err)
	}
	return err // it says which label and what is wrong with it
}

// Written is what labels say in some run.
func Written(labels []string) []string {
	written := make([]string, len(labels))
	for i, l := range labels {
		written[i] = withRun(l, someRun)
	}
	return written
}

// withRun puts a run's id into a label.
func withRun(l, run string) string {
	for _, expression := range []string{"${{ github.run_id }}", "${{github.run_id}}"} {
		l = strings.ReplaceAll(l, expression, run)
	}
	return l
}

// The sources of a workload's randomness: one for each thing, so that other durations leave the moments as they are.
const (
	streamTimes uint64 = 0xf0 + iota
	streamKinds
	streamRuns
)

// Draw makes the jobs of a workload; the same seed makes the same.
func (w Workload) Draw(seed uint64) []Job {
	kinds, runs := source(seed, streamKinds), source(seed, streamRuns)
	times := w.Arrival.times(w.Jobs, w.Over, source(seed, streamTimes))
	jobs := make([]Job, 0, w.Jobs)
	for _, at := range times {
		jobs = append(jobs, Job{At: at, Runs: w.Runs.Draw(runs), Labels: w.pick(kinds)})
	}
	return jobs
}

func source(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // repeatable
}

func (w Workload) pick(r *rand.Rand) []string {
	total := 0.0
	for _, s := range w.Mix {
		total += s.Weight
	}
	at := r.Float64() * total
	for _, s := range w.Mix {
		if at -= s.Weight; at < 0 {
			return s.Labels
		}
	}
	return w.Mix[len(w.Mix)-1].Labels
}
