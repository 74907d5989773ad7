package controller_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// minting is a GitHub that remembers every registration that was asked for.
type minting struct {
	controller.GitHub

	mu    sync.Mutex
	asked []controller.MintRequest
}

func (m *minting) Mint(ctx context.Context, r controller.MintRequest) (controller.Registration, error) {
	m.mu.Lock()
	m.asked = append(m.asked, r)
	m.mu.Unlock()
	return m.GitHub.Mint(ctx, r)
}

func TestEveryRegistrationHasTheLabelsThatGitHubSent(t *testing.T) {
	// rules 4.1, 4.2; failure modes A13, M11: also the second and the third, and none of another demand's
	g := &minting{}
	inWorld(t, func(c *controller.Config) { g.GitHub, c.GitHub = c.GitHub, g }, func(w *world) {
		w.github.set(func(g *fakeGitHub) {
			g.mintErrs = []error{
				errUnknown, controller.ErrNameTaken, &controller.BudgetError{Until: g.clock.Now().Add(time.Second), Reason: "minting budget"},
			}
		})
		sent := [][]string{{"runs-fleet=10/CPU=2", "Zebra", "apple"}, {"runs-fleet=11/cpu=2"}} // neither sorted nor of one case
		w.github.queue(1, 10, 10*time.Second, sent[0]...)
		w.github.queue(2, 11, 10*time.Second, sent[1]...)
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		names := map[string]bool{}
		counts := [2]int{}
		for _, r := range g.asked {
			i := slices.IndexFunc(sent, func(labels []string) bool { return cmp.Equal(labels, r.Labels) })
			if i < 0 {
				w.t.Errorf("%s was to be registered with %q, which no job has", r.Name, r.Labels)
				continue
			}
			counts[i]++
			if names[r.Name] {
				w.t.Errorf("the name %s was used twice", r.Name) // failure mode F5
			}
			names[r.Name] = true
		}
		if counts[0] == 0 || counts[1] == 0 || counts[0]+counts[1] != 5 {
			w.t.Errorf("%v registrations were asked for, want 5 in all: two, and one more after each of three errors", counts)
		}
	})
}

// putBack does what GitHub does when a runner vanishes before its job has begun in earnest: the job is queued again.
func (g *fakeGitHub) putBack(id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	j := g.find(id)
	delete(g.runners, j.runner)
	j.state, j.runner = fleet.JobQueued, ""
}

func TestAJobThatGitHubPutsBackIsServedAgain(t *testing.T) { // failure mode O9
	// rules 5.3, 6.5; failure mode C1: the row of its first life is no reason to drop it
	inWorld(t, func(c *controller.Config) { c.Repositories = []fleet.Repository{testRepository()} }, func(w *world) {
		w.github.queue(1, 10, time.Minute, cpu2)
		w.settle(10*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.settle(time.Second, "known to be", func() bool { return w.job(1).State == fleet.JobInProgress })
		w.github.putBack(1)
		w.cloud.kill("m-0001") // a reclaim
		w.settle(4*time.Minute, "in progress again", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.settle(3*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		w.settle(time.Second, "completed", func() bool { return w.job(1).State == fleet.JobCompleted })
		if j := w.job(1); j.Epoch != 2 || w.cloud.made() != 2 {
			w.t.Errorf("epoch %d, %d machines; want the second epoch on the second machine", j.Epoch, w.cloud.made())
		}
	})
}

func TestAJobOverItsTimeIsEnded(t *testing.T) {
	// rule 6.3; failure mode G1: the limit is not only logged
	const limit = 30 * time.Minute
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, 10*time.Hour, "runs-fleet=10/cpu=2/max=30m")
		w.settle(10*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.pass(limit)
		if n := w.cloud.running(); n != 1 {
			w.t.Fatalf("%d machines at the limit: the job has some minutes more to end by itself", n)
		}
		w.settle(fleet.RuntimeGrace+time.Minute, "its machine ended", func() bool { return w.cloud.running() == 0 })
		w.settle(time.Minute, "the job has failed", func() bool { return w.github.result(1) == "failure" }) // GitHub hears of it last
		w.settle(time.Minute, "empty", w.empty)
	})
}

func TestWhatAControllerIsMadeOf(t *testing.T) {
	// failure mode J6: what is missing is said when it starts, and an interval that nobody set is not 0
	whole := newWorld(t, nil).ctl.Config
	for name, without := range map[string]func(*controller.Config){
		"records":     func(c *controller.Config) { c.Records = nil },
		"queue":       func(c *controller.Config) { c.Queue = nil },
		"GitHub":      func(c *controller.Config) { c.GitHub = nil },
		"provider":    func(c *controller.Config) { c.Provider = nil },
		"verifier":    func(c *controller.Config) { c.Verifier = nil },
		"clock":       func(c *controller.Config) { c.Clock = nil },
		"random":      func(c *controller.Config) { c.Random = nil },
		"logger":      func(c *controller.Config) { c.Logger = nil },
		"labels":      func(c *controller.Config) { c.Resolve = nil },
		"permissions": func(c *controller.Config) { c.AllowOwner = nil },
		"a site is":   func(c *controller.Config) { c.Site = fleet.Site{} },
	} {
		c := whole
		without(&c)
		if _, err := controller.New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v, want an error that names it", name, err)
		}
	}
	bare := whole
	bare.Observer, bare.ScanInterval, bare.ProviderInterval, bare.Workers = nil, 0, 0, -1
	made, err := controller.New(bare)
	if err != nil {
		t.Fatal(err)
	}
	if made.Observer == nil || made.ScanInterval < time.Second || made.ProviderInterval < time.Second || made.Workers < 1 {
		t.Errorf("unset are: observer %v, intervals %s and %s, %d workers", made.Observer, made.ScanInterval, made.ProviderInterval, made.Workers)
	}
}
