package simulate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// githubSeam is GitHub's API as one life of a replica reaches it. It refuses what GitHub refuses.
type githubSeam struct {
	w *World
	d *domain
}

var _ controller.GitHub = (*githubSeam)(nil)

// What a call to GitHub takes, each way.
const (
	githubLeast = 20 * time.Millisecond
	githubMost  = 250 * time.Millisecond
)

// call parks on the way there and back. effect is what happens at GitHub.
func (g *githubSeam) call(ctx context.Context, key string, effect func() error) error {
	w := g.w
	there, back := w.fate.between(githubLeast, githubMost), w.fate.between(githubLeast, githubMost)
	down, lost, limited := w.strikes(GitHubDown), w.strikes(GitHubTimeout), w.strikes(GitHubLimit)
	until := w.fate.between(5*time.Second, time.Minute)
	w.s.park(ctx, g.d, key, w.s.now.Add(there))
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	switch {
	case limited:
		return &controller.BudgetError{Until: (clock{w.s, g.d}).Now().Add(until), Reason: "secondary limit"}
	case down:
		return fmt.Errorf("%s: 502: %w", key, errCut)
	}
	err := effect()
	if lost {
		w.s.park(ctx, g.d, key+" no answer", w.s.now.Add(time.Hour))
		return fmt.Errorf("%s: %w", key, errCut)
	}
	w.s.park(ctx, g.d, key+" answer", w.s.now.Add(back))
	if ctxErr := ctx.Err(); ctxErr != nil {
		return fmt.Errorf("%s: %w", key, ctxErr)
	}
	return err
}

// Mint implements controller.GitHub.
func (g *githubSeam) Mint(ctx context.Context, r controller.MintRequest) (reg controller.Registration, err error) {
	w := g.w
	refuse, refuseFor := w.strikes(MintRefused), w.fate.between(10*time.Second, 5*time.Minute)
	defer func() {
		if m := w.cloud.named(r.Name); m != nil && err != nil {
			m.troubles++
		}
	}()
	err = g.call(ctx, "mint "+r.Name, func() error {
		w.stats.Mints++
		set := labelSet(r.Labels)
		if refuse {
			w.hub.refused[set] = w.s.now.Add(refuseFor)
		}
		if w.s.now.Before(w.hub.refused[set]) && w.faulty() {
			w.stats.Refusals++
			return &controller.RefusedError{Status: 403, Message: "Resource not accessible by integration"}
		}
		repository := w.hub.repository(r.Repository)
		w.check.rules.minting(g.d, r.Name)
		runner, secret, err := w.hub.gh.Register(repository.Scope, r.Name, 1, r.Labels, w.s.now)
		var invalid *world.InvalidError
		switch {
		case errors.Is(err, world.ErrNameTaken):
			return fmt.Errorf("%w: %w", controller.ErrNameTaken, err)
		case errors.As(err, &invalid):
			return &controller.RefusedError{Status: 422, Message: invalid.Message}
		case err != nil:
			return fmt.Errorf("registering: %w", err)
		}
		w.hub.minted[r.Name] = w.s.now
		w.history.add("", "GitHub: runner %s is registered, by %s", r.Name, g.d.name)
		reg = controller.Registration{ID: runner.ID, Name: runner.Name, JITConfig: secret}
		return nil
	})
	if err != nil {
		return controller.Registration{}, err
	}
	return reg, nil
}

// DeleteRunner implements controller.GitHub.
func (g *githubSeam) DeleteRunner(ctx context.Context, repository fleet.Repository, id int64) (answer controller.Deletion, err error) {
	w := g.w
	err = g.call(ctx, fmt.Sprintf("delete runner %d", id), func() error {
		runner := w.hub.gh.Runner(w.hub.repository(repository).Scope, id)
		if runner == nil {
			answer = controller.Absent
			return nil
		}
		w.check.deleting(runner)
		busy := runner.Job() != nil
		err := w.hub.gh.Delete(runner, w.s.now)
		w.history.add("", "GitHub: DELETE of runner %s by %s: %v (busy %v)", runner.Name, g.d.name, err, busy)
		switch {
		case errors.Is(err, world.ErrBusy):
			answer = controller.Busy
		case err != nil:
			return fmt.Errorf("deleting: %w", err)
		default:
			answer = controller.Deleted
			w.hub.deleted[runner.Name] = true
			if busy {
				w.stats.Faults[DeletedWhileBusy]++
			}
		}
		w.hub.advance()
		return nil
	})
	if err != nil {
		return 0, err
	}
	return answer, nil
}

// FindRunner implements controller.GitHub.
func (g *githubSeam) FindRunner(ctx context.Context, repository fleet.Repository, name string) (t controller.RunnerTruth, err error) {
	err = g.call(ctx, "find runner "+name, func() error {
		runner := g.w.hub.gh.RunnerNamed(g.w.hub.repository(repository).Scope, name)
		if runner == nil {
			return controller.ErrNoRunner
		}
		t = g.truth(runner)
		return nil
	})
	return t, err
}

func (g *githubSeam) truth(r *world.Runner) controller.RunnerTruth {
	return controller.RunnerTruth{ID: r.ID, Name: r.Name, Online: r.Online(), Busy: g.w.hub.gh.Busy(r, g.w.s.now), Labels: r.Labels}
}

// Runners implements controller.GitHub.
func (g *githubSeam) Runners(ctx context.Context, repository fleet.Repository) (out []controller.RunnerTruth, err error) {
	err = g.call(ctx, "list runners of "+repository.Name, func() error {
		for _, r := range g.w.hub.gh.Runners(g.w.hub.repository(repository).Scope) {
			out = append(out, g.truth(r))
		}
		return nil
	})
	return out, err
}

// Job implements controller.GitHub.
func (g *githubSeam) Job(ctx context.Context, _ fleet.Repository, id int64) (s fleet.Sighting, err error) {
	asked := (clock{g.w.s, g.d}).Now()
	err = g.call(ctx, fmt.Sprintf("get job %d", id), func() error {
		g.w.check.rules.asked[id] = g.w.s.now
		job := g.w.hub.gh.Job(id)
		if job == nil {
			return controller.ErrNoJob
		}
		s = g.w.hub.truth(job, asked)
		g.w.history.add(fmt.Sprintf("job %d", id), "GitHub: GET of job %d by %s: %s, runner %q", id, g.d.name, s.State, s.Runner)
		return nil
	})
	return s, err
}

// RunJobs implements controller.GitHub.
func (g *githubSeam) RunJobs(ctx context.Context, _ fleet.Repository, run int64) (out []fleet.Sighting, err error) {
	asked := (clock{g.w.s, g.d}).Now()
	err = g.call(ctx, fmt.Sprintf("list jobs of run %d", run), func() error {
		r := g.w.hub.gh.Run(run)
		if r == nil {
			return nil
		}
		for _, job := range g.w.hub.gh.JobsOf(r, r.Attempt) {
			if job.Conclusion != world.Skipped {
				g.w.check.rules.asked[job.ID] = g.w.s.now
				out = append(out, g.w.hub.truth(job, asked))
			}
		}
		return nil
	})
	return out, err
}

// LiveRuns implements controller.GitHub.
func (g *githubSeam) LiveRuns(ctx context.Context, repository fleet.Repository) (runs []int64, changed bool, err error) {
	err = g.call(ctx, "list runs of "+repository.Name, func() error {
		for _, r := range g.w.hub.gh.RunsOf(g.w.hub.repository(repository)) {
			if r.Status != world.Completed {
				runs = append(runs, r.ID)
			}
		}
		return nil
	})
	return runs, true, err
}

// Report implements controller.GitHub.
func (g *githubSeam) Report(ctx context.Context, r controller.CommitReport) error {
	return g.call(ctx, "report on "+r.SHA, func() error { return nil })
}

// CancelRun implements controller.GitHub.
func (g *githubSeam) CancelRun(ctx context.Context, _ fleet.Repository, run int64) error {
	return g.call(ctx, fmt.Sprintf("cancel run %d", run), func() error {
		if r := g.w.hub.gh.Run(run); r != nil {
			_ = g.w.hub.gh.Cancel(r, g.w.s.now) // one that is over is no error
			g.w.hub.advance()
		}
		return nil
	})
}
