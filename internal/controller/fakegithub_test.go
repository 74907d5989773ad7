package controller_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

var errUnknown = errors.New("the connection was cut")

// fakeGitHub refuses what GitHub refuses: a name twice, the deletion of a busy runner, a runner it does not know.
type fakeGitHub struct {
	w     *world
	clock seam.Clock

	mu       sync.Mutex
	jobs     []*ghJob
	runners  map[string]*ghRunner
	nextID   int64
	reports  []controller.CommitReport
	mints    int
	mintErrs []error // the next mints' answers; errUnknown registers all the same
	loseAll  bool    // no webhook is sent
	deaf     bool    // runners are given no jobs
	down     bool    // every question is unknown
	silent   map[fleet.JobState]bool
}

type ghJob struct {
	id, run  int64
	labels   []string
	state    fleet.JobState
	runner   string
	created  time.Time
	started  time.Time
	duration time.Duration
	result   string
}

type ghRunner struct {
	id        int64
	name      string
	labels    []string
	connected bool
	job       *ghJob
}

func newFakeGitHub(w *world) *fakeGitHub {
	return &fakeGitHub{w: w, clock: seam.System{}, runners: map[string]*ghRunner{}, nextID: 100, silent: map[fleet.JobState]bool{}}
}

// set changes a switch.
func (g *fakeGitHub) set(f func(g *fakeGitHub)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(g)
}

// queue adds a job.
func (g *fakeGitHub) queue(id, run int64, d time.Duration, labels ...string) {
	j := &ghJob{id: id, run: run, labels: labels, state: fleet.JobQueued, created: g.clock.Now(), duration: d}
	g.mu.Lock()
	g.jobs = append(g.jobs, j)
	g.mu.Unlock()
	g.send(j)
}

func (g *fakeGitHub) sighting(j *ghJob, authoritative bool) fleet.Sighting {
	s := fleet.Sighting{
		Job: j.id, Run: j.run, Repository: testRepository(), State: j.state, Runner: j.runner, Labels: j.labels,
		Name: fmt.Sprintf("job %d", j.id), HeadSHA: "c0ffee", Created: j.created, Conclusion: j.result,
	}
	if authoritative {
		s.Authoritative, s.Asked, s.RunAlive = true, g.clock.Now(), j.state != fleet.JobCompleted
	}
	return s
}

// send sends the webhook of a job's present state.
func (g *fakeGitHub) send(j *ghJob) {
	g.mu.Lock()
	lost := g.loseAll || g.silent[j.state]
	s := g.sighting(j, false)
	g.mu.Unlock()
	if lost {
		return
	}
	g.deliver(s)
}

func (g *fakeGitHub) deliver(s fleet.Sighting) {
	b, err := controller.Event{Job: &s, Received: g.clock.Now()}.Encode()
	if err != nil {
		g.w.t.Error(err)
	}
	if err := g.w.queue.Send(context.Background(), queue.Outgoing{Body: b}); err != nil {
		g.w.t.Error(err)
	}
}

func (g *fakeGitHub) cancel(id int64) {
	g.mu.Lock()
	j := g.find(id)
	j.state, j.result = fleet.JobCompleted, "cancelled"
	g.mu.Unlock()
	g.send(j)
}

func (g *fakeGitHub) find(id int64) *ghJob {
	i := slices.IndexFunc(g.jobs, func(j *ghJob) bool { return j.id == id })
	if i < 0 {
		return nil
	}
	return g.jobs[i]
}

func (g *fakeGitHub) state(id int64) fleet.JobState {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.find(id).state
}

func (g *fakeGitHub) allDone() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !slices.ContainsFunc(g.jobs, func(j *ghJob) bool { return j.state != fleet.JobCompleted })
}

func (g *fakeGitHub) registered() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.runners)
}

// connect is the listener's side: it returns false if the registration is gone.
func (g *fakeGitHub) connect(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.runners[name]
	if r == nil {
		return false
	}
	r.connected = true
	return true
}

// take gives an idle runner a job it matches, the oldest.
func (g *fakeGitHub) take(name string) (job *ghJob, known bool) {
	g.mu.Lock()
	r := g.runners[name]
	if r == nil {
		g.mu.Unlock()
		return nil, false
	}
	var got *ghJob
	for _, j := range g.jobs {
		if j.state == fleet.JobQueued && !g.deaf && fleet.Matches(label.Fold(r.labels), label.Fold(j.labels)) {
			got = j
			break
		}
	}
	if got != nil {
		got.state, got.runner, got.started, r.job = fleet.JobInProgress, name, g.clock.Now(), got
	}
	g.mu.Unlock()
	if got != nil {
		g.send(got)
	}
	return got, true
}

// finish ends a job and its ephemeral runner.
func (g *fakeGitHub) finish(j *ghJob) {
	g.mu.Lock()
	j.state, j.result = fleet.JobCompleted, "success"
	delete(g.runners, j.runner)
	g.mu.Unlock()
	g.send(j)
}

// lose ends a job whose runner died, as GitHub does after a while.
func (g *fakeGitHub) lose(name string) {
	g.mu.Lock()
	r := g.runners[name]
	delete(g.runners, name)
	g.mu.Unlock()
	if r != nil && r.job != nil && r.job.state == fleet.JobInProgress {
		g.mu.Lock()
		r.job.state, r.job.result = fleet.JobCompleted, "failure"
		g.mu.Unlock()
		g.send(r.job)
	}
}

func (g *fakeGitHub) Mint(_ context.Context, r controller.MintRequest) (controller.Registration, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mints++
	var err error
	if len(g.mintErrs) > 0 {
		err, g.mintErrs = g.mintErrs[0], g.mintErrs[1:]
	}
	if err != nil && !errors.Is(err, errUnknown) {
		return controller.Registration{}, err
	}
	if g.runners[r.Name] != nil {
		return controller.Registration{}, controller.ErrNameTaken
	}
	if len(r.Labels) == 0 || len(r.Name) > 64 {
		return controller.Registration{}, &controller.RefusedError{Status: 422, Message: "invalid"}
	}
	g.nextID++
	g.runners[r.Name] = &ghRunner{id: g.nextID, name: r.Name, labels: r.Labels}
	if err != nil {
		return controller.Registration{}, err
	}
	return controller.Registration{ID: g.nextID, Name: r.Name, JITConfig: "jit:" + r.Name}, nil
}

func (g *fakeGitHub) DeleteRunner(_ context.Context, _ fleet.Repository, id int64) (controller.Deletion, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return 0, errUnknown
	}
	for name, r := range g.runners {
		if r.id == id {
			if r.job != nil && r.job.state == fleet.JobInProgress {
				return controller.Busy, nil
			}
			delete(g.runners, name)
			return controller.Deleted, nil
		}
	}
	return controller.Absent, nil
}

func (g *fakeGitHub) FindRunner(_ context.Context, _ fleet.Repository, name string) (controller.RunnerTruth, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return controller.RunnerTruth{}, errUnknown
	}
	r := g.runners[name]
	if r == nil {
		return controller.RunnerTruth{}, controller.ErrNoRunner
	}
	return controller.RunnerTruth{ID: r.id, Name: r.name, Online: r.connected, Busy: r.job != nil}, nil
}

func (g *fakeGitHub) Runners(context.Context, fleet.Repository) ([]controller.RunnerTruth, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []controller.RunnerTruth
	for _, r := range g.runners {
		out = append(out, controller.RunnerTruth{ID: r.id, Name: r.name, Online: r.connected, Busy: r.job != nil})
	}
	slices.SortFunc(out, func(a, b controller.RunnerTruth) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (g *fakeGitHub) Job(_ context.Context, _ fleet.Repository, id int64) (fleet.Sighting, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return fleet.Sighting{}, errUnknown
	}
	j := g.find(id)
	if j == nil {
		return fleet.Sighting{}, controller.ErrNoJob
	}
	return g.sighting(j, true), nil
}

func (g *fakeGitHub) RunJobs(_ context.Context, _ fleet.Repository, run int64) ([]fleet.Sighting, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return nil, errUnknown
	}
	var out []fleet.Sighting
	for _, j := range g.jobs {
		if j.run == run {
			out = append(out, g.sighting(j, true))
		}
	}
	return out, nil
}

func (g *fakeGitHub) LiveRuns(context.Context, fleet.Repository) ([]int64, bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return nil, false, errUnknown
	}
	var out []int64
	for _, j := range g.jobs {
		if j.state != fleet.JobCompleted && !slices.Contains(out, j.run) {
			out = append(out, j.run)
		}
	}
	return out, true, nil
}

func (g *fakeGitHub) Report(_ context.Context, r controller.CommitReport) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reports = append(g.reports, r)
	return nil
}

func (g *fakeGitHub) CancelRun(context.Context, fleet.Repository, int64) error { return nil }

func (g *fakeGitHub) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := ""
	for _, j := range g.jobs {
		out += fmt.Sprintf("github job %d %s on %q\n", j.id, j.state, j.runner)
	}
	for name, r := range g.runners {
		out += fmt.Sprintf("github runner %s connected=%v busy=%v\n", name, r.connected, r.job != nil)
	}
	return out
}

func (g *fakeGitHub) result(id int64) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.find(id).result
}

func (g *fakeGitHub) minted() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mints
}

func (g *fakeGitHub) told() []controller.CommitReport {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.reports)
}

// saw is what a webhook says of a job now.
func (g *fakeGitHub) saw(id int64) fleet.Sighting {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sighting(g.find(id), false)
}
