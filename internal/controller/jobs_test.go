package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

const cpu2 = "runs-fleet=1/cpu=2"

func TestOneJob(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, 30*time.Second, cpu2)
		w.settle(3*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		w.settle(time.Second, "completed in our rows", func() bool { return w.job(1).State == fleet.JobCompleted })
		j := w.job(1)
		if j.Runner == "" {
			w.t.Errorf("job = %s on %q, want completed on a runner", j.State, j.Runner)
		}
		if w.cloud.made() != 1 || w.github.minted() != 1 {
			w.t.Errorf("%d machines and %d registrations for one job", w.cloud.made(), w.github.minted())
		}
	})
}

func TestBurstRunsEachJobOnce(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		for i := range int64(50) {
			w.github.queue(i+1, 10+i/10, 20*time.Second, fmt.Sprintf("runs-fleet=%d/cpu=2", 10+i/10))
		}
		w.settle(2*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		if w.cloud.made() > 52 {
			w.t.Errorf("%d machines for 50 jobs: more than the surplus allowed", w.cloud.made())
		}
	})
}

func TestCapacityIsQueuedFor(t *testing.T) { // failure mode M9
	// rule 1.8: waiting for room is not a failure
	inWorld(t, func(c *controller.Config) { c.MaxRunners = 3 }, func(w *world) {
		for i := range int64(9) {
			w.github.queue(i+1, i+1, 10*time.Second, fmt.Sprintf("runs-fleet=%d/cpu=2", i+1))
		}
		w.settle(5*time.Second, "three running", func() bool { return w.cloud.running() == 3 })
		why, err := w.ctl.Why(w.t.Context(), fleet.JobID{Host: "github.test", ID: 9})
		if err != nil || why == "" {
			w.t.Errorf("Why = %q, %v", why, err)
		}
		for range 100 {
			if n := w.cloud.running(); n > 3 {
				w.t.Fatalf("%d machines run, 3 are allowed", n)
			}
			w.pass(500 * time.Millisecond)
		}
		w.settle(2*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		if w.cloud.made() != 9 {
			w.t.Errorf("%d machines for 9 jobs", w.cloud.made())
		}
	})
}

func TestLostWebhooksAreMadeGood(t *testing.T) { // failure modes B11, F2, L1, N7, O1
	// failure mode F1; protocol section 9: webhook failed 60 s
	inWorld(t, func(c *controller.Config) { c.Repositories = []fleet.Repository{testRepository()} }, func(w *world) {
		w.github.set(func(g *fakeGitHub) { g.loseAll = true })
		w.github.queue(1, 10, 30*time.Second, cpu2)
		w.settle(70*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		w.settle(3*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		w.settle(2*time.Minute, "completed in our rows", func() bool { return w.job(1).State == fleet.JobCompleted })
	})
}

func TestTakenRunnerIsMadeGoodAtOnce(t *testing.T) { // failure modes L3, N6, N9
	// rules 5.1, 1.2: a runner made for B that GitHub gives to A's label set leaves B's need open. failure mode F1
	inWorld(t, nil, func(w *world) {
		w.github.set(func(g *fakeGitHub) { g.loseAll = true })
		w.github.queue(1, 10, 90*time.Second, cpu2) // unknown to us
		w.github.set(func(g *fakeGitHub) { g.loseAll = false })
		w.github.queue(2, 11, 10*time.Second, cpu2) // the same labels, another run
		w.settle(10*time.Second, "both served", func() bool {
			return w.github.state(1) != fleet.JobQueued && w.github.state(2) != fleet.JobQueued
		})
		w.settle(5*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

func TestCancelledJobLeavesNoMachine(t *testing.T) { // failure mode N27
	// failure modes A7, A8; rule 1.10
	inWorld(t, nil, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.boot = 20 * time.Second })
		w.github.queue(1, 10, 30*time.Second, cpu2)
		w.pass(5 * time.Second)
		w.github.cancel(1)
		w.settle(3*time.Minute, "empty", w.empty)
	})
}

func TestRepeatedAndReorderedWebhooks(t *testing.T) { // failure mode B2
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, 10*time.Second, cpu2)
		queued := w.github.saw(1)
		w.github.deliver(queued)
		w.settle(time.Minute, "done", w.github.allDone)
		w.settle(time.Minute, "completed", func() bool { return w.job(1).State == fleet.JobCompleted })
		w.github.deliver(queued) // rule 5.2: it is history
		w.settle(2*time.Minute, "empty", w.empty)
		w.pass(2 * time.Minute)
		if w.cloud.made() != 1 {
			w.t.Errorf("%d machines for one job", w.cloud.made())
		}
	})
}

func TestQueuedAfterCompletedOfAnUnknownJob(t *testing.T) { // failure mode N2
	inWorld(t, nil, func(w *world) {
		w.github.set(func(g *fakeGitHub) { g.loseAll = true })
		w.github.queue(1, 10, time.Second, cpu2)
		queued := w.github.saw(1)
		w.github.set(func(g *fakeGitHub) { g.loseAll = false })
		w.github.cancel(1) // completed comes first
		w.pass(time.Second)
		w.github.deliver(queued)
		w.pass(5 * time.Minute)
		if w.cloud.made() != 0 {
			w.t.Errorf("%d machines for a job that was over", w.cloud.made())
		}
	})
}

func TestLabelErrorIsReportedOnTheCommit(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, time.Second, "runs-fleet=1/cpus=4")
		w.pass(5 * time.Second)
		if n := len(w.github.told()); n != 1 {
			w.t.Fatalf("%d reports, want one", n)
		}
		if r := w.github.told()[0]; r.SHA != "c0ffee" || !r.Failed {
			w.t.Errorf("report = %+v", r)
		}
		w.pass(5 * time.Minute)
		if w.cloud.made() != 0 || len(w.github.told()) != 1 {
			w.t.Errorf("%d machines and %d reports for a label error", w.cloud.made(), len(w.github.told()))
		}
	})
}

func TestForeignJobsAreNotStored(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.github.queue(1, 10, time.Second, "ubuntu-latest")
		w.pass(10 * time.Second)
		if w.job(1).ID.ID != 0 || w.cloud.made() != 0 {
			w.t.Error("a job that is not ours was stored")
		}
	})
}

func TestMachinesThatSayHelloAtOnceAttachTogether(t *testing.T) {
	// rule 2.3: on a hello or on the answer, whichever comes first
	inWorld(t, nil, func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.boot, c.dropNext = 0, 1 }) // the answer comes with its repetition, 5 s later
		for i := range int64(80) {
			w.github.queue(i+1, 10, 10*time.Second, cpu2)
		}
		w.settle(4*time.Second, "all in progress before the answer", func() bool {
			for i := range int64(80) {
				if w.github.state(i+1) == fleet.JobQueued {
					return false
				}
			}
			return true
		})
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		if n := w.cloud.made(); n > 82 {
			t.Errorf("%d machines for 80 jobs", n)
		}
	})
}
