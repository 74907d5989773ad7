package controller_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	queuememory "github.com/runs-fleet/runs-fleet/internal/queue/memory"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// failure modes B1, B8
//
// Messages that cannot be applied end where somebody sees them, with why, and go back when they can be applied.
func TestDeadLettersSayWhyAndGoBack(t *testing.T) {
	var bug atomic.Bool
	bug.Store(true)
	inWorld(t, func(c *controller.Config) {
		resolve := c.Resolve
		c.ScanInterval = 24 * time.Hour
		c.Resolve = func(r fleet.Repository, labels []string) (fleet.Resolved, error) {
			if bug.Load() {
				panic("no such shape")
			}
			return resolve(r, labels)
		}
	}, func(w *world) {
		w.github.queue(1, 10, 10*time.Second, cpu2)
		if err := w.queue.Send(w.t.Context(), queue.Outgoing{Body: []byte(`{"job":`)}); err != nil {
			w.t.Fatal(err)
		}
		w.settle(3*time.Hour, "dead letters", func() bool { n, dead := w.messages(); return n == 0 && dead == 2 })
		letters, err := w.ctl.DeadLetters(w.t.Context(), 10)
		if err != nil || len(letters) != 2 {
			w.t.Fatalf("DeadLetters = %d, %v; want 2", len(letters), err)
		}
		for _, d := range letters {
			want := "decoding event"
			if d.Job != nil {
				want = "no such shape"
				if d.Job.Job != 1 {
					w.t.Errorf("job %d", d.Job.Job)
				}
			}
			if !strings.Contains(d.Reason.Text, want) || d.Reason.At.Before(d.Sent) || d.Message == "" || d.Receives != 10 {
				w.t.Errorf("%+v, want the reason %q", d, want)
			}
		}
		if n := w.ctl.DeadCount(w.t.Context()); n != 2 {
			w.t.Errorf("DeadCount = %d, want 2", n)
		}
		bug.Store(false)
		if n, err := w.ctl.Redrive(w.t.Context()); n != 2 || err != nil {
			w.t.Errorf("Redrive = %d, %v; want 2", n, err)
		}
		if n := w.ctl.DeadCount(w.t.Context()); n != 0 {
			w.t.Errorf("DeadCount = %d after the redrive, want 0", n)
		}
		w.settle(5*time.Minute, "done", func() bool { return w.github.allDone() })
		w.settle(3*time.Hour, "the one that nobody can read dead again", func() bool { n, dead := w.messages(); return n == 0 && dead == 1 })
	})
}

// A message that is applied at its second attempt costs no row.
func TestABlipIsNotNoted(t *testing.T) {
	inWorld(t, func(c *controller.Config) { c.ScanInterval = 24 * time.Hour }, func(w *world) {
		if err := w.queue.Send(w.t.Context(), queue.Outgoing{Body: []byte("x")}); err != nil {
			w.t.Fatal(err)
		}
		for range 2 {
			w.pass(3 * time.Second)
		}
		reason, err := w.records.Reason(w.t.Context(), "1")
		if err != nil || reason.Exists() {
			w.t.Errorf("after two failures the reason is %+v, %v; want none", reason.V, err)
		}
		w.pass(time.Minute)
		if reason, err = w.records.Reason(w.t.Context(), "1"); err != nil || !reason.Exists() {
			w.t.Errorf("after more failures there is no reason (%v)", err)
		}
	})
}

// counting notes how often each message is delivered.
type counting struct {
	queue.Queue

	most atomic.Int64
}

func (q *counting) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	messages, err := q.Queue.Receive(ctx, limit, wait)
	for _, m := range messages {
		q.most.Store(max(q.most.Load(), int64(m.Receives)))
	}
	return messages, err
}

// A message stays invisible while it is worked on, and what is left of a batch beside it too.
func TestAMessageIsHeldWhileItsWorkLasts(t *testing.T) {
	clock := seam.System{}
	var deliveries *counting
	inWorld(t, func(c *controller.Config) {
		deliveries = &counting{Queue: queuememory.New(clock, c.Random, queuememory.Options{Visibility: 30 * time.Second})}
		c.Queue, c.Workers = deliveries, 2
		c.Resolve = func(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
			_ = clock.Sleep(context.Background(), 40*time.Second)
			return label.Resolve(labels, label.Fleet{})
		}
	}, func(w *world) {
		s := w.github.saw
		w.github.set(func(g *fakeGitHub) { g.loseAll = true })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		seen := s(1)
		body, err := controller.Event{Job: &seen, Received: clock.Now()}.Encode()
		if err != nil {
			w.t.Fatal(err)
		}
		if err := deliveries.Send(w.t.Context(), queue.Outgoing{Body: body}); err != nil {
			w.t.Fatal(err)
		}
		w.pass(2 * time.Minute)
		if n := deliveries.most.Load(); n != 1 {
			w.t.Errorf("the message was delivered %d times, want once", n)
		}
		w.settle(5*time.Minute, "done", w.github.allDone)
	})
}

func TestDeadLettersThatCannotBeReadAreAnError(t *testing.T) {
	broken := errors.New("broken")
	inWorld(t, func(c *controller.Config) { c.Queue = brokenDead{c.Queue, broken} }, func(w *world) {
		w.pass(time.Second)
		if _, err := w.ctl.DeadLetters(w.t.Context(), 1); !errors.Is(err, broken) {
			w.t.Errorf("DeadLetters = %v", err)
		}
		if _, err := w.ctl.Redrive(w.t.Context()); !errors.Is(err, broken) {
			w.t.Errorf("Redrive = %v", err)
		}
	})
}

type brokenDead struct {
	queue.Queue

	err error
}

func (q brokenDead) Dead(context.Context, int) ([]queue.Message, error) { return nil, q.err }
func (q brokenDead) Redrive(context.Context) (int, error)               { return 0, q.err }
