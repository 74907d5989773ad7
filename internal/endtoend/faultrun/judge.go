package faultrun

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// judge collects what must not be, and what excuses a machine that never ran a job.
type judge struct {
	clock seam.Clock
	jobs  func() []simclient.Job // of GitHub

	mu         sync.Mutex
	violations []Violation
	excuses    map[string]int
	cancels    map[int64]bool // runs
}

// Violation is something that must not be.
type Violation struct {
	Invariant string
	At        time.Time
	Text      string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s at %s: %s", v.Invariant, v.At.UTC().Format("15:04:05.000"), v.Text)
}

// Ends of a need, each of which excuses one machine that never ran a job (section 9).
const (
	excuseTaken     = "its job was taken by others"
	excuseCancelled = "its job was cancelled"
)

func newJudge(clock seam.Clock, jobs func() []simclient.Job) *judge {
	return &judge{clock: clock, jobs: jobs, excuses: map[string]int{}, cancels: map[int64]bool{}}
}

func (j *judge) violated(invariant, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.violations = append(j.violations, Violation{invariant, j.clock.Now(), fmt.Sprintf(format, args...)})
}

func (j *judge) found() []Violation {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Violation(nil), j.violations...)
}

func (j *judge) excuse(why string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.excuses[why]++
}

// cancelled notes a run that was cancelled with so many jobs that waited for machines.
func (j *judge) cancelled(run int64, waiting int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cancels[run] = true
	j.excuses[excuseCancelled] += waiting
}

// terminates asserts NeverKillBusy: nothing runs on a machine that is ended. Of a real machine GitHub knows.
func (j *judge) terminates(m *machine, id string) {
	if m == nil || m.real {
		for _, job := range j.jobs() {
			if job.Status == "in_progress" && instanceOf(job.RunnerName) == id {
				j.violated("NeverKillBusy", "machine %s is terminated while job %d runs on %s", id, job.ID, job.RunnerName)
			}
		}
		return
	}
	if worker, _, _, _ := m.listener.state(); worker {
		j.violated("NeverKillBusy", "machine %s is terminated while a job runs on it", id)
	}
}

// verdict judges the jobs at the end: each has been completed, by success but for what was done to it.
func (w *world) verdict() (outcomes map[string]int, waits []time.Duration) {
	w.cloud.mu.Lock()
	struck := map[string]bool{}
	for id, m := range w.cloud.machines {
		struck[id] = m.fault != ""
	}
	w.cloud.mu.Unlock()
	outcomes = map[string]int{}
	failed := map[int64]bool{} // runs with a job that failed or was cancelled by a fault: others of the run are then cancelled
	jobs := w.github.Jobs(0)
	for _, job := range jobs {
		if struck[instanceOf(job.RunnerName)] && job.Conclusion != "success" {
			failed[job.RunID] = true
		}
	}
	for _, job := range jobs {
		if !job.StartedAt.IsZero() && !strings.HasPrefix(job.RunnerName, "somebody-") {
			waits = append(waits, job.StartedAt.Sub(job.QueuedAt))
		}
		outcomes[w.outcome(job, struck, failed)]++
	}
	return outcomes, waits
}

func (w *world) outcome(job simclient.Job, struck map[string]bool, failed map[int64]bool) string {
	switch {
	case job.Status != "completed":
		w.judge.violated("NoLostJob", "job %d of run %d, queued at %s, is %s", job.ID, job.RunID, job.QueuedAt.UTC().Format(time.TimeOnly), job.Status)
		return "not completed"
	case strings.HasPrefix(job.RunnerName, "somebody-"):
		return "run by others, who took it"
	case job.Conclusion == "success":
		return "success"
	case w.judge.cancels[job.RunID]:
		return "cancelled with its run, or after that"
	case struck[instanceOf(job.RunnerName)]:
		return "its runner was killed while it ran"
	case failed[job.RunID]:
		return "another job of its run failed for such a reason"
	default:
		w.judge.violated("NoLostJob", "job %d of run %d ended with %s on runner %q, missed %d", job.ID, job.RunID, job.Conclusion, job.RunnerName, job.Missed)
		return "lost"
	}
}
