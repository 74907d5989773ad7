package controller_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
)

// refusing is a store in which nothing can be written for a while, as on a full disk.
type refusing struct {
	store.Store
	on atomic.Bool
}

func (s *refusing) Transact(ctx context.Context, writes []store.Write) error {
	if s.on.Load() {
		return errors.New("no space left on device")
	}
	return s.Store.Transact(ctx, writes)
}

// messages is how many the queue holds, dead letters apart.
func (w *world) messages() (n, dead int) {
	d, err := w.queue.Depth(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Ready + d.Taken, d.Dead
}

// renew starts another controller of the same configuration, as a new process is, once the former has stopped and while no
// machine runs.
func (w *world) renew() {
	next, err := controller.New(w.ctl.Config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ctl = next
	w.start()
}

func TestAMessageIsDeletedOnlyOnceItsEffectIsStored(t *testing.T) { // failure mode N3
	// AckAfterDurable; failure modes C3, M1
	disk := &refusing{}
	inWorld(t, func(c *controller.Config) {
		disk.Store = memory.New(c.Clock, memory.Options{})
		c.Records = record.New(disk)
	}, func(w *world) {
		w.records = w.ctl.Records
		w.pass(time.Second)
		disk.on.Store(true)
		w.github.queue(1, 10, 10*time.Second, cpu2)
		for range 50 {
			w.pass(100 * time.Millisecond)
			if n, dead := w.messages(); n != 1 || dead != 0 {
				w.t.Fatalf("the queue holds %d messages and %d dead letters, while the only one cannot be applied", n, dead)
			}
		}
		disk.on.Store(false)
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		w.settle(time.Second, "no message left", func() bool { n, dead := w.messages(); return n+dead == 0 })
	})
}

func TestAMessageThatCannotBeReadHarmsNoOther(t *testing.T) {
	// failure modes B1, M2: not those beside it in its batch, and it does not come back for ever
	inWorld(t, func(c *controller.Config) { c.Workers = 1 }, func(w *world) {
		var batch []queue.Outgoing
		for i := range int64(3) {
			w.github.set(func(g *fakeGitHub) { g.loseAll = true })
			w.github.queue(i+1, 10, 10*time.Second, cpu2)
			w.github.set(func(g *fakeGitHub) { g.loseAll = false })
			s := w.github.saw(i + 1)
			body, err := controller.Event{Job: &s, Received: w.github.clock.Now()}.Encode()
			if err != nil {
				w.t.Fatal(err)
			}
			batch = append(batch, queue.Outgoing{Body: []byte(`{"job":`)}, queue.Outgoing{Body: body})
		}
		if err := w.queue.Send(w.t.Context(), batch...); err != nil {
			w.t.Fatal(err)
		}
		w.settle(3*time.Second, "the others in progress", func() bool {
			return w.github.state(1) != fleet.JobQueued && w.github.state(2) != fleet.JobQueued && w.github.state(3) != fleet.JobQueued
		})
		w.settle(time.Hour, "those that cannot be read among the dead letters", func() bool { n, dead := w.messages(); return n == 0 && dead == 3 })
	})
}

func TestABacklogIsTakenWithoutAPause(t *testing.T) {
	// failure mode B4
	const backlog = 500
	inWorld(t, func(c *controller.Config) { c.Workers, c.MaxRunners = 1, 1 }, func(w *world) {
		w.pass(time.Second)
		w.stop()
		for i := range int64(backlog) {
			w.github.queue(i+1, i+1, time.Second, cpu2)
		}
		w.renew()
		w.settle(5*time.Second, "all applied", func() bool { n, _ := w.messages(); return n == 0 })
		for i := range int64(backlog) {
			w.github.cancel(i + 1)
		}
		w.settle(5*time.Minute, "empty", w.empty)
	})
}

func TestAMessageInHandIsFinishedWhileTheServerStops(t *testing.T) {
	// failure mode B13
	clock := seam.System{}
	inWorld(t, func(c *controller.Config) {
		c.Resolve = func(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
			_ = clock.Sleep(context.Background(), 10*time.Second)
			return label.Resolve(labels, label.Fleet{})
		}
	}, func(w *world) {
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.pass(time.Second)
		w.stop()
		if got := w.job(1).State; got != fleet.JobQueued {
			w.t.Errorf("the job in hand is %q, want it stored", got)
		}
		if n, dead := w.messages(); n+dead != 0 {
			w.t.Errorf("%d messages and %d dead letters are left of one that was applied", n, dead)
		}
		w.renew()
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

func TestALateDeliveryThatGitHubCannotConfirmComesBack(t *testing.T) {
	// rule 1.5; failure modes M4, N1, N5: unknown is not "not queued"
	inWorld(t, func(c *controller.Config) { c.ScanInterval = 24 * time.Hour }, func(w *world) {
		w.github.set(func(g *fakeGitHub) { g.loseAll = true })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.pass(30 * time.Second)
		w.github.set(func(g *fakeGitHub) { g.loseAll, g.down = false, true })
		w.github.deliver(w.github.saw(1))
		w.pass(time.Minute)
		if n, dead := w.messages(); n != 1 || dead != 0 || w.cloud.made() != 0 {
			w.t.Errorf("%d messages, %d dead letters, %d machines while GitHub does not answer; want 1, 0, 0", n, dead, w.cloud.made())
		}
		w.github.set(func(g *fakeGitHub) { g.down = false })
		w.settle(3*time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

func TestAPanicEndsOneMessageAndNotTheServer(t *testing.T) {
	// failure mode A4
	var panics atomic.Int64
	all := measured(t, func(c *controller.Config) {
		resolve := c.Resolve
		c.Workers = 1
		c.Resolve = func(r fleet.Repository, labels []string) (fleet.Resolved, error) {
			if labels[0] == "runs-fleet=1/cpu=8" {
				panics.Add(1)
				panic("a bug")
			}
			return resolve(r, labels)
		}
	}, func(w *world) {
		w.github.queue(1, 1, 10*time.Second, "runs-fleet=1/cpu=8")
		w.settle(5*time.Second, "met", func() bool { return panics.Load() > 0 })
		for i := range int64(20) {
			w.github.queue(i+2, 2, 10*time.Second, fmt.Sprintf("runs-fleet=%d/cpu=2", i))
		}
		w.settle(time.Minute, "the others done and nothing left", func() bool { return len(w.github.open()) == 1 && w.empty() })
	})
	if got := total(all, "runs_fleet_fallbacks_total", "kind=panic_recovered"); got < 1 || int64(got) != panics.Load() {
		t.Errorf("%v panics were told of %d", got, panics.Load())
	}
}
