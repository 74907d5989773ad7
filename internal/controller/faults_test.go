package controller_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

func TestLostLaunchAnswerIsRepeatedWithTheSameToken(t *testing.T) { // failure mode N16
	// rules 2.2, 2.3; OneFleetPerLaunch
	inWorld(t, nil, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.dropNext = 2 })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		if w.cloud.made() != 1 {
			w.t.Errorf("%d machines for one launch", w.cloud.made())
		}
	})
}

func TestFailedPlacesAreLaunchedAgain(t *testing.T) { // failure modes A10, M5
	// rule 2.6
	inWorld(t, nil, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.failNext = 2 })
		for i := range int64(3) {
			w.github.queue(i+1, 10, 10*time.Second, cpu2)
		}
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

// soldOut is a provider that has nothing on spot.
type soldOut struct{ provider.Provider }

func (s soldOut) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	if r.Market == fleet.Spot {
		return provider.Answer{Errors: []provider.LaunchError{{Code: "MaxSpotInstanceCountExceeded", Message: "no more", Count: r.Count}}}, nil
	}
	return s.Provider.Launch(ctx, r)
}

func TestAMarketThatHasNothingIsLeftForAnotherAtOnce(t *testing.T) {
	// rule 2.6; failure modes D6, D8, L6, L19, N21: whatever its code says, and what failed is then no longer why a job waits
	inWorld(t, func(c *controller.Config) { c.Provider = soldOut{c.Provider} }, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.boot = 3 * time.Second })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.pass(time.Second)
		why, err := w.ctl.Why(w.t.Context(), fleet.JobID{Host: "github.test", ID: 1})
		if err != nil || !strings.Contains(why, "booting") {
			w.t.Errorf("the job waits because: %q, %v; want that a machine is booting", why, err)
		}
		w.settle(4*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

func TestMachinesThatNeverBootAreReplaced(t *testing.T) { // failure modes E1, N8
	// section 9: boot 5 min; failure mode F8
	inWorld(t, nil, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = true })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.pass(4 * time.Minute)
		if n := w.cloud.running(); n != 1 {
			w.t.Errorf("%d machines while one boots", n)
		}
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = false })
		w.settle(3*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

func TestUnknownMintBurnsTheName(t *testing.T) { // failure modes F5, M17
	// rule 4.2: 409 after success is met with another name
	inWorld(t, nil, func(w *world) {
		w.github.set(func(g *fakeGitHub) { g.mintErrs = []error{errUnknown, controller.ErrNameTaken} })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		if w.cloud.made() != 1 || w.github.minted() != 3 {
			w.t.Errorf("%d machines, %d mints; want 1 and 3", w.cloud.made(), w.github.minted())
		}
	})
}

func TestRefusedMintBacksTheDemandOff(t *testing.T) { // failure mode M17
	// rule 4.6: the machine serves another demand of its shape
	inWorld(t, func(c *controller.Config) { c.MaxRunners = 1 }, func(w *world) {
		w.github.set(func(g *fakeGitHub) {
			g.mintErrs = []error{&controller.RefusedError{Status: 403, Message: "no permission"}}
		})
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.pass(time.Second)
		w.github.queue(2, 11, 10*time.Second, "runs-fleet=2/cpu=2")
		w.settle(20*time.Second, "the other job done", func() bool { return w.github.state(2) == fleet.JobCompleted })
		if w.github.state(1) != fleet.JobQueued {
			w.t.Error("the refused job ran although its demand backs off")
		}
		if len(w.github.told()) == 0 || !strings.Contains(w.github.told()[0].Summary, "no permission") {
			w.t.Errorf("reports = %+v, want the refusal", w.github.told())
		}
		w.settle(2*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

func TestMintWaitsForBudget(t *testing.T) { // failure mode M3
	// rule 4.6: a mint that lacks budget only waits
	inWorld(t, nil, func(w *world) {
		until := w.github.clock.Now().Add(40 * time.Second)
		w.github.set(func(g *fakeGitHub) {
			g.mintErrs = []error{&controller.BudgetError{Until: until, Reason: "secondary limit"}}
		})
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(2*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		if w.cloud.made() != 1 {
			w.t.Errorf("%d machines for a mint that only waited", w.cloud.made())
		}
	})
}

func TestListenerThatNeverConnects(t *testing.T) { // failure mode O2
	// rules 4.4, 4.5
	inWorld(t, nil, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.stubborn = true })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(5*time.Minute, "the machine replaced", func() bool { return w.cloud.made() > 1 })
		w.cloud.set(func(c *fakeCloud) { c.stubborn = false })
		w.settle(5*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

func TestDeadAgentBeforeItsJob(t *testing.T) { // failure mode J3
	// rule 6.2, 6.5
	inWorld(t, nil, func(w *world) {
		w.github.set(func(g *fakeGitHub) { g.deaf = true })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(10*time.Second, "registered", func() bool { return w.github.registered() == 1 })
		w.cloud.kill("m-0001")
		w.github.set(func(g *fakeGitHub) { g.deaf = false })
		w.settle(90*time.Second, "done", w.github.allDone)
		w.settle(2*time.Minute, "empty", w.empty)
	})
}

func TestSilentAgentWithARunningJobIsNotKilled(t *testing.T) { // failure mode N11
	// rule 6.2; NeverKillBusy, failure mode E3
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, 20*time.Minute, cpu2)
		w.settle(10*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.pass(2 * time.Second)
		w.cloud.hang("m-0001")
		w.settle(30*time.Minute, "done", w.github.allDone)
		if got := w.github.result(1); got != "success" {
			w.t.Errorf("the job ended with %s: its machine was ended under it", got)
		}
		w.settle(20*time.Minute, "empty", w.empty)
	})
}

func TestUnknownAnswersDestroyNothing(t *testing.T) { // failure modes E3, J3, M8, O1
	// "unknown" is a third value
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, 40*time.Minute, cpu2)
		w.settle(10*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.pass(2 * time.Second)
		w.cloud.hang("m-0001")
		w.github.set(func(g *fakeGitHub) { g.down = true })
		w.pass(20 * time.Minute)
		if w.cloud.running() != 1 {
			w.t.Fatal("a machine was ended on an unknown answer")
		}
		w.github.set(func(g *fakeGitHub) { g.down = false })
		w.settle(60*time.Minute, "done and empty", func() bool { return w.github.allDone() && w.empty() })
		if got := w.github.result(1); got != "success" {
			w.t.Errorf("the job ended with %s", got)
		}
	})
}

func TestUnmatchedJobsBackOff(t *testing.T) { // failure modes F3, N6
	// rules 5.6, 5.7
	inWorld(t, nil, func(w *world) {
		w.github.set(func(g *fakeGitHub) { g.deaf = true })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(6*time.Minute, "backing off", func() bool { return !w.job(1).BackoffUntil.IsZero() })
		w.settle(2*time.Minute, "no machine while it backs off", w.empty)
		if n := w.cloud.made(); n > 3 {
			w.t.Errorf("%d runners listened in vain before the back-off", n)
		}
		w.github.set(func(g *fakeGitHub) { g.deaf = false })
		w.settle(20*time.Minute, "done", w.github.allDone)
	})
}

func TestRestartAdoptsRunningAgents(t *testing.T) { // failure modes C2, O3
	// RestartSafe
	inWorld(t, nil, func(w *world) {
		for i := range int64(5) {
			w.github.queue(i+1, 10, 30*time.Second, cpu2)
		}
		w.pass(2 * time.Second)
		w.stop()
		w.pass(15 * time.Second)
		w.start()
		w.settle(2*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		if w.cloud.made() != 5 {
			w.t.Errorf("%d machines for 5 jobs", w.cloud.made())
		}
	})
}

func TestDrainEndsIdleMachinesAndLetsJobsFinish(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, 30*time.Second, cpu2)
		w.settle(10*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.github.set(func(g *fakeGitHub) { g.deaf = true })
		w.github.queue(2, 10, 30*time.Second, cpu2)
		w.pass(3 * time.Second)
		if err := w.ctl.Drain(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if got := w.github.result(1); got != "success" {
			w.t.Errorf("the running job ended with %q", got)
		}
		w.settle(time.Second, "empty", w.empty)
	})
}

func TestKillEndsEverything(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, 30*time.Minute, cpu2)
		w.settle(10*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		if err := w.ctl.Kill(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.settle(time.Minute, "empty", w.empty)
	})
}

func TestNewerPollReplacesAnOlderOne(t *testing.T) {
	// an answer to a poll that the agent has abandoned would be acted on by nobody
	inWorld(t, nil, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = true }) // the test is the agent
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(10*time.Second, "launched", func() bool { return w.cloud.made() == 1 })
		key := "the key"
		sum := sha256.Sum256([]byte(key))
		w.github.set(func(g *fakeGitHub) { // the first poll waits for budget
			g.mintErrs = []error{&controller.BudgetError{Until: g.clock.Now().Add(10 * time.Second), Reason: "test"}}
		})
		if _, err := w.ctl.Hello(w.t.Context(), agentapi.Hello{Token: "token-m-0001", KeyHash: hex.EncodeToString(sum[:])}); err != nil {
			w.t.Fatal(err)
		}
		w.pass(time.Second)
		older := make(chan agentapi.Orders, 1)
		go func() {
			o, err := w.ctl.Poll(context.Background(), key, agentapi.Report{Sequence: 1, Listener: agentapi.ListenerNone})
			if err != nil {
				w.t.Error(err)
			}
			older <- o
		}()
		w.pass(2 * time.Second)
		o, err := w.ctl.Poll(w.t.Context(), key, agentapi.Report{Sequence: 2, Listener: agentapi.ListenerNone})
		if err != nil || o.Command != agentapi.CommandAssign {
			w.t.Errorf("the newer poll got %q, %v; want the assignment", o.Command, err)
		}
		if got := <-older; got.Command != agentapi.CommandNone {
			w.t.Errorf("the older poll got %q", got.Command)
		}
		w.github.cancel(1)
	})
}

func TestMachinesThatEndWhileBootingBackOff(t *testing.T) { // failure modes L19, O2
	// rule 2.6; failure mode B9: a systemic boot failure must not loop for ever at full speed
	inWorld(t, func(c *controller.Config) {
		c.ProviderInterval = time.Second
		c.Markets = []fleet.Market{fleet.OnDemand}
	}, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = true })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		said := false
		for range 120 {
			w.pass(time.Second)
			why, err := w.ctl.Why(w.t.Context(), fleet.JobID{Host: "github.test", ID: 1})
			if err != nil {
				w.t.Fatal(err)
			}
			said = said || strings.Contains(why, "before it had booted")
			for _, id := range w.cloud.alive() {
				w.cloud.kill(id)
			}
		}
		if n := w.cloud.made(); n < 2 || n > 8 {
			w.t.Errorf("%d machines in two minutes: want a few, ever further apart", n)
		}
		if !said {
			w.t.Error("nothing says why the job waits")
		}
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = false })
		w.settle(6*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}
