package controller_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/telemetry"
)

// passes counts the passes of periodic works, beside all else that an observer is told.
type passes struct {
	*telemetry.Telemetry

	mu     sync.Mutex
	ended  map[controller.Sweep]int
	failed map[controller.Sweep]int
}

func (p *passes) Swept(s controller.Sweep, took time.Duration, err error) {
	p.Telemetry.Swept(s, took, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended[s]++; err != nil {
		p.failed[s]++
	}
}

func (p *passes) of(s controller.Sweep) (ended, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended[s], p.failed[s]
}

// watching makes a controller's passes be counted.
func watching(t *testing.T, c *controller.Config) *passes {
	t.Helper()
	m, err := telemetry.New(telemetry.Options{Clock: seam.System{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p := &passes{Telemetry: m, ended: map[controller.Sweep]int{}, failed: map[controller.Sweep]int{}}
	c.Observer = p
	return p
}

// unruly is a provider whose calls may hang, fail or panic.
type unruly struct {
	provider.Provider

	mu                      sync.Mutex
	launch, list, terminate func(context.Context) error
}

func (u *unruly) set(f func(u *unruly)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f(u)
}

func (u *unruly) do(ctx context.Context, which func(u *unruly) func(context.Context) error) error {
	u.mu.Lock()
	f := which(u)
	u.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(ctx)
}

func (u *unruly) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	if err := u.do(ctx, func(u *unruly) func(context.Context) error { return u.launch }); err != nil {
		return provider.Answer{}, err
	}
	return u.Provider.Launch(ctx, r)
}

func (u *unruly) List(ctx context.Context, site fleet.Site) ([]provider.Instance, error) {
	if err := u.do(ctx, func(u *unruly) func(context.Context) error { return u.list }); err != nil {
		return nil, err
	}
	return u.Provider.List(ctx, site)
}

func (u *unruly) Terminate(ctx context.Context, site fleet.Site, ids []string) error {
	if err := u.do(ctx, func(u *unruly) func(context.Context) error { return u.terminate }); err != nil {
		return err
	}
	return u.Provider.Terminate(ctx, site, ids)
}

// hang never answers; a deadline of ours ends it.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// broken answers with an error.
func broken(context.Context) error { return errors.New("the provider is out of order") }

// panicking is a call that meets a mistake of ours.
func panicking(context.Context) error { panic("a bug") }

func TestEveryPeriodicWorkRunsAgainAndAgain(t *testing.T) { // failure mode A4
	// failure modes B12, M18: a net that nobody sets out, or that its first bug takes away, catches nothing
	for name, trouble := range map[string]func(context.Context) error{"without trouble": nil, "after an error": broken, "after a bug": panicking} {
		t.Run(name, func(t *testing.T) {
			var p *passes
			cloud := &unruly{list: trouble}
			inWorld(t, func(c *controller.Config) {
				p = watching(t, c)
				cloud.Provider, c.Provider = c.Provider, cloud
			}, func(w *world) {
				w.pass(time.Minute)
				cloud.set(func(u *unruly) { u.list = nil })
				before := map[controller.Sweep]int{}
				for _, s := range controller.Sweeps() {
					before[s], _ = p.of(s)
				}
				w.pass(5 * time.Minute)
				for _, s := range controller.Sweeps() {
					if now, _ := p.of(s); now < before[s]+2 {
						w.t.Errorf("%s had %d passes, and %d in the five minutes after", s, before[s], now-before[s])
					}
				}
				if err := p.Close(context.WithoutCancel(w.t.Context())); err != nil {
					w.t.Error(err)
				}
			})
		})
	}
}

func TestAListingThatFailsEndsNothingAndIsTold(t *testing.T) {
	// failure modes J4, J5: an error is not "nothing found", and nothing that its text says makes a machine gone
	var p *passes
	cloud := &unruly{}
	inWorld(t, func(c *controller.Config) {
		p = watching(t, c)
		cloud.Provider, c.Provider = c.Provider, cloud
	}, func(w *world) {
		w.github.queue(1, 10, 20*time.Minute, cpu2)
		w.settle(10*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.pass(2 * time.Second)
		w.cloud.hang("m-0001")
		cloud.set(func(u *unruly) {
			u.list = func(context.Context) error {
				return errors.New("RequestLimitExceeded: asking for m-0001 (InvalidInstanceID.NotFound) too often")
			}
		})
		w.settle(25*time.Minute, "done", w.github.allDone)
		if got := w.github.result(1); got != "success" {
			w.t.Errorf("the job ended with %s: its machine was taken for gone", got)
		}
		if _, failed := p.of(controller.SweepProvider); failed == 0 {
			w.t.Error("nobody was told that the provider's instances could not be listed")
		}
		cloud.set(func(u *unruly) { u.list = nil })
		w.settle(20*time.Minute, "empty", w.empty)
		if err := p.Close(context.WithoutCancel(w.t.Context())); err != nil {
			w.t.Error(err)
		}
	})
}

func TestACallThatHangsHoldsUpNothingElse(t *testing.T) {
	// failure modes D15, E8, O4: every call has a deadline, no lock is held across one, and one shape's trouble is its own
	for name, trouble := range map[string]func(u *unruly){
		"launch":    func(u *unruly) { u.launch = hang },
		"list":      func(u *unruly) { u.list = hang },
		"terminate": func(u *unruly) { u.terminate = hang },
	} {
		t.Run(name, func(t *testing.T) {
			cloud := &unruly{}
			inWorld(t, func(c *controller.Config) { cloud.Provider, c.Provider = c.Provider, cloud }, func(w *world) {
				w.github.queue(1, 10, 10*time.Second, cpu2)
				w.pass(100 * time.Millisecond)
				cloud.set(trouble)
				w.github.queue(2, 11, 10*time.Second, "runs-fleet=11/cpu=4")
				w.pass(time.Minute)
				cloud.set(func(u *unruly) { u.launch, u.list, u.terminate = nil, nil, nil })
				w.github.queue(3, 12, 10*time.Second, "runs-fleet=12/cpu=8")
				w.settle(3*time.Second, "a third shape served at once", func() bool { return w.github.state(3) != fleet.JobQueued })
				w.settle(2*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
				if n := w.cloud.made(); n != 3 {
					w.t.Errorf("%d machines for 3 jobs", n)
				}
			})
		})
	}
}

func TestRegistrationsThatNoMachineAnswersForAreDeleted(t *testing.T) {
	// failure modes F6, N26, O9; RightFleet: those of this fleet only, none that works, and none at its first sight
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, 30*time.Minute, cpu2)
		w.settle(10*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		own := "rf-" + w.ctl.FleetID() + "-"
		w.github.set(func(g *fakeGitHub) {
			for i, name := range []string{own + "m-0900-1", "rf-0badcafe-m-0001-1", "build-server", own + "m-0901-1"} {
				g.runners[name] = &ghRunner{id: int64(900 + i), name: name}
			}
			g.runners[own+"m-0901-1"].job = &ghJob{id: 99, state: fleet.JobInProgress}
		})
		w.pass(4 * time.Minute)
		if n := w.github.registered(); n != 5 {
			w.t.Errorf("%d registrations after 4 minutes, want all 5: listings may lag", n)
		}
		w.pass(10 * time.Minute)
		want := []string{"build-server", own + "m-0001-1", own + "m-0901-1", "rf-0badcafe-m-0001-1"} // not m-0900, which nobody has
		slices.Sort(want)
		if diff := cmp.Diff(want, w.github.names()); diff != "" {
			w.t.Errorf("wrong registrations are left (-want +got):\n%s", diff)
		}
		w.github.cancel(1)
	})
}

// names lists the registrations.
func (g *fakeGitHub) names() []string {
	all, _ := g.Runners(context.Background(), fleet.Repository{})
	var out []string
	for _, r := range all {
		out = append(out, r.Name)
	}
	return out
}

func TestInstancesThatNoRowAnswersForAreEnded(t *testing.T) {
	// section 8; failure modes J1, J2, L1: after two sightings, when the store is old enough to be believed, a few at a time
	inWorld(t, nil, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = true })
		for range 8 { // as a launch of a store that was lost
			if _, err := w.cloud.Launch(w.t.Context(), provider.Request{LaunchID: "l-lost-" + w.cloud.String(), Site: w.ctl.Site, Count: 1}); err != nil {
				w.t.Fatal(err)
			}
		}
		w.cloud.set(func(c *fakeCloud) { c.neverBoot, c.machines[0].inst.State = false, provider.Stopped })
		w.pass(29 * time.Minute)
		if n := w.cloud.running(); n != 8 {
			w.t.Errorf("%d of 8 instances are left while the store is young", n)
		}
		w.settle(90*time.Second, "the first ended", func() bool { return w.cloud.running() < 8 })
		w.pass(time.Second)
		if n := w.cloud.running(); n != 3 {
			w.t.Errorf("%d instances are left after the first pass, want 3: at most 5 end at once", n)
		}
		w.settle(5*time.Minute, "all ended", w.empty)
	})
}

func TestOneRepositoryThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	// failure modes C10, M22: what fails is told, and the rest is done
	lost := testRepository()
	lost.ID, lost.Name = 8, "gone"
	var p *passes
	inWorld(t, func(c *controller.Config) {
		p = watching(t, c)
		c.Repositories = []fleet.Repository{lost, testRepository()}
		c.GitHub = withoutRepository{c.GitHub, lost.ID}
	}, func(w *world) {
		w.github.set(func(g *fakeGitHub) { g.loseAll = true })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(2*time.Minute, "found by the scan", func() bool { return w.github.state(1) != fleet.JobQueued })
		stray := "rf-" + w.ctl.FleetID() + "-m-0900-1"
		w.github.set(func(g *fakeGitHub) { g.runners[stray] = &ghRunner{id: 900, name: stray} })
		w.settle(15*time.Minute, "the stray registration deleted", func() bool { return w.empty() })
		for _, s := range []controller.Sweep{controller.SweepGitHub, controller.SweepRegistrations} {
			if ended, failed := p.of(s); failed != ended {
				w.t.Errorf("%s told of %d errors in %d passes, each of which met one", s, failed, ended)
			}
		}
		if err := p.Close(context.WithoutCancel(w.t.Context())); err != nil {
			w.t.Error(err)
		}
	})
}

// withoutRepository is a GitHub that no longer lets us read one repository.
type withoutRepository struct {
	controller.GitHub

	id int64
}

func (g withoutRepository) LiveRuns(ctx context.Context, r fleet.Repository) ([]int64, bool, error) {
	if r.ID == g.id {
		return nil, false, &controller.RefusedError{Status: 403, Message: "Resource not accessible by integration"}
	}
	return g.GitHub.LiveRuns(ctx, r)
}

func (g withoutRepository) Runners(ctx context.Context, r fleet.Repository) ([]controller.RunnerTruth, error) {
	if r.ID == g.id {
		return nil, &controller.RefusedError{Status: 403, Message: "Resource not accessible by integration"}
	}
	return g.GitHub.Runners(ctx, r)
}
