package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// githubTakes is how long one call of GitHub's takes in the slow case.
const githubTakes = 200 * time.Millisecond

// hub is GitHub: it registers runners, gives them the jobs that their labels match, and says of every job that it is
// queued until a runner has it. It keeps nothing of a job before that, so that its memory is not taken for the server's.
type hub struct {
	clock  seam.Clock
	labels func(run int64) string
	takes  time.Duration

	mu      sync.Mutex
	lastID  int64
	runners map[string]hubRunner
	waiting map[string][]int64 // jobs that the benchmark wants to run, by their label
	started map[int64]string   // job to runner
}

type hubRunner struct {
	id     int64
	labels []string
	job    int64
}

func newHub(clock seam.Clock, labels func(run int64) string, slow bool) *hub {
	h := &hub{clock: clock, labels: labels, runners: map[string]hubRunner{}, waiting: map[string][]int64{}, started: map[int64]string{}}
	if slow {
		h.takes = githubTakes
	}
	return h
}

// offer makes a job one that runners are given.
func (h *hub) offer(job int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.labels(job)
	h.waiting[l] = append(h.waiting[l], job)
}

// take gives a runner a job; ok is false if there is none.
func (h *hub) take(runner string) (s fleet.Sighting, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, known := h.runners[runner]
	if !known || len(r.labels) == 0 {
		return s, false
	}
	jobs := h.waiting[r.labels[0]]
	if len(jobs) == 0 {
		return s, false
	}
	r.job, h.waiting[r.labels[0]] = jobs[0], jobs[1:]
	h.runners[runner], h.started[r.job] = r, runner
	return h.sighting(r.job), true
}

// sighting is GitHub's truth about a job. Each is a run of its own.
func (h *hub) sighting(job int64) fleet.Sighting {
	s := fleet.Sighting{
		Job: job, Run: job, Attempt: 1, Repository: repository(), State: fleet.JobQueued, Labels: []string{h.labels(job)}, Name: "test (linux, 1.26)",
		Workflow: "continuous integration", HeadSHA: "ec26c3e57ca3a959ca5aad62de7213c562f8c821", Branch: "feature/checkout", Created: h.clock.Now(),
	}
	if runner := h.started[job]; runner != "" {
		s.State, s.Runner = fleet.JobInProgress, runner
	}
	return s
}

func (h *hub) call(ctx context.Context) error {
	if h.takes == 0 {
		return nil
	}
	return h.clock.Sleep(ctx, h.takes)
}

// Mint implements controller.GitHub.
func (h *hub) Mint(ctx context.Context, r controller.MintRequest) (controller.Registration, error) {
	if err := h.call(ctx); err != nil {
		return controller.Registration{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, taken := h.runners[r.Name]; taken {
		return controller.Registration{}, controller.ErrNameTaken
	}
	h.lastID++
	h.runners[r.Name] = hubRunner{id: h.lastID, labels: slices.Clone(r.Labels)}
	return controller.Registration{ID: h.lastID, Name: r.Name, JITConfig: strings.Repeat("j", 4<<10)}, nil // as long as a real one
}

// DeleteRunner implements controller.GitHub.
func (h *hub) DeleteRunner(ctx context.Context, _ fleet.Repository, id int64) (controller.Deletion, error) {
	if err := h.call(ctx); err != nil {
		return 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, r := range h.runners {
		if r.id == id {
			if r.job != 0 {
				return controller.Busy, nil
			}
			delete(h.runners, name)
			return controller.Deleted, nil
		}
	}
	return controller.Absent, nil
}

// FindRunner implements controller.GitHub.
func (h *hub) FindRunner(ctx context.Context, _ fleet.Repository, name string) (controller.RunnerTruth, error) {
	if err := h.call(ctx); err != nil {
		return controller.RunnerTruth{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r, known := h.runners[name]
	if !known {
		return controller.RunnerTruth{}, controller.ErrNoRunner
	}
	return truth(name, r), nil
}

func truth(name string, r hubRunner) controller.RunnerTruth {
	return controller.RunnerTruth{ID: r.id, Name: name, Online: true, Busy: r.job != 0, Labels: r.labels}
}

// Runners implements controller.GitHub.
func (h *hub) Runners(ctx context.Context, _ fleet.Repository) ([]controller.RunnerTruth, error) {
	if err := h.call(ctx); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]controller.RunnerTruth, 0, len(h.runners))
	for name, r := range h.runners {
		all = append(all, truth(name, r))
	}
	return all, nil
}

// Job implements controller.GitHub.
func (h *hub) Job(ctx context.Context, r fleet.Repository, id int64) (fleet.Sighting, error) {
	if err := h.call(ctx); err != nil {
		return fleet.Sighting{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sighting(id)
	s.Repository, s.Authoritative, s.RunAlive, s.Asked = r, true, true, h.clock.Now()
	return s, nil
}

// RunJobs implements controller.GitHub.
func (h *hub) RunJobs(ctx context.Context, r fleet.Repository, run int64) ([]fleet.Sighting, error) {
	s, err := h.Job(ctx, r, run)
	return []fleet.Sighting{s}, err
}

// LiveRuns implements controller.GitHub: nothing that webhooks have not said.
func (h *hub) LiveRuns(ctx context.Context, _ fleet.Repository) ([]int64, bool, error) {
	return nil, false, h.call(ctx)
}

// Report implements controller.GitHub.
func (h *hub) Report(ctx context.Context, _ controller.CommitReport) error { return h.call(ctx) }

// CancelRun implements controller.GitHub.
func (h *hub) CancelRun(ctx context.Context, _ fleet.Repository, _ int64) error { return h.call(ctx) }
