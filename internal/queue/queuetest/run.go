// Package queuetest is the suite that every queue passes: what a queue.Queue promises, tried one promise at a time, and
// then all together over random histories.
package queuetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// The queues under test have these settings.
const (
	Visibility  = 30 * time.Second
	MaxReceives = 3
)

// VisibilityApart takes the place of Visibility for queues in another process.
const VisibilityApart = 5 * time.Second

// Harness is a backend under test. Each test runs in a bubble of testing/synctest, in which time passes only while
// everything waits.
type Harness struct {
	// Open returns an empty queue with the settings above, on this clock; the suite closes it.
	Open func(t *testing.T, clock seam.Clock) queue.Queue
	// Apart says that the queue is in another process, which no bubble holds: time is real there. The tests run side by side
	// with shorter times, and nothing is held to come soon, only not to come early. Histories of chance are left out.
	Apart bool
	// ExtendsExpired is a known flaw of an emulator: a delivery whose time has run out can be extended.
	ExtendsExpired bool
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Helper()
	groups := []map[string]func(*testing.T, fixture){sendTests(), receiveTests(), waitTests(), receiptTests(), deadTests()}
	if !h.Apart {
		groups = append(groups, historyTests())
	}
	var together sync.WaitGroup
	defer together.Wait()
	for _, group := range groups {
		for _, name := range slices.Sorted(maps.Keys(group)) {
			run := func() { t.Run(name, func(t *testing.T) { h.bubble(t, group[name]) }) }
			if h.Apart {
				together.Go(run) // t.Parallel would take as many at a time as there are processors, and these only wait
			} else {
				run()
			}
		}
	}
}

func (h Harness) bubble(t *testing.T, test func(*testing.T, fixture)) {
	t.Helper()
	if h.Apart {
		h.open(t, test)
		return
	}
	synctest.Test(t, func(t *testing.T) { h.open(t, test) })
}

func (h Harness) open(t *testing.T, test func(*testing.T, fixture)) {
	t.Helper()
	q := h.Open(t, seam.System{})
	defer func() {
		if err := q.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	test(t, newFixture(q, h))
}

// fixture is the queue of one test, with calls that must succeed, and with the times of the test.
type fixture struct {
	queue.Queue

	apart          bool
	extendsExpired bool

	visibility time.Duration
	delay      time.Duration // of a message that is for later
	poll       time.Duration // of a receiver that finds nothing
	moment     time.Duration // less than any of these
	long       time.Duration // more than a visibility
}

func newFixture(q queue.Queue, h Harness) fixture {
	f := fixture{
		Queue: q, visibility: Visibility, delay: 10 * time.Second, poll: 20 * time.Second, moment: time.Second, long: time.Hour,
	}
	if h.Apart {
		f.apart, f.extendsExpired = true, h.ExtendsExpired
		f.visibility, f.delay, f.poll, f.moment, f.long = VisibilityApart, 2*time.Second, 2*time.Second, 300*time.Millisecond, VisibilityApart+time.Second
	}
	return f
}

// settle lets everything that was begun come to where it waits.
func (f fixture) settle(t *testing.T) {
	t.Helper()
	if f.apart {
		f.pass(t, f.moment)
		return
	}
	synctest.Wait()
}

// await waits for the only message, which must not come before its time; where time is virtual, not after it either.
func (f fixture) await(t *testing.T, due time.Time) queue.Message {
	t.Helper()
	messages, err := f.Receive(t.Context(), queue.MaxBatch, f.patience())
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	if len(messages) != 1 {
		t.Fatalf("received %d messages, want 1", len(messages))
	}
	f.onTime(t, time.Now(), due)
	return messages[0]
}

// patience is how long a test waits for what must come.
func (f fixture) patience() time.Duration {
	if f.apart {
		return time.Minute
	}
	return f.long
}

func (f fixture) onTime(t *testing.T, now, due time.Time) {
	t.Helper()
	const rounding = 10 * time.Millisecond // of another process's clock
	if early := due.Sub(now); f.apart && early > rounding || !f.apart && early > 0 {
		t.Errorf("it came %s too early", early)
	}
	if late := now.Sub(due); !f.apart && late > 0 {
		t.Errorf("it came %s too late", late)
	}
}

// lapse ends deliveries without their being deleted: by waiting until their time runs out or, where time is real, by giving
// them back.
func (f fixture) lapse(t *testing.T, deliveries ...queue.Message) {
	t.Helper()
	if !f.apart {
		f.pass(t, f.visibility)
		return
	}
	for _, m := range deliveries {
		if err := f.Extend(t.Context(), m.Receipt, 0); err != nil {
			t.Fatalf("Extend by 0: %v", err)
		}
	}
}

func (f fixture) pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := (seam.System{}).Sleep(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := f.Send(t.Context(), queue.Outgoing{Body: []byte(body)}); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
}

// receive does not wait.
func (f fixture) receive(t *testing.T, limit int) []queue.Message {
	t.Helper()
	messages, err := f.Receive(t.Context(), limit, 0)
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return messages
}

// one receives the only message that is visible.
func (f fixture) one(t *testing.T) queue.Message {
	t.Helper()
	messages := f.receive(t, queue.MaxBatch)
	if len(messages) != 1 {
		t.Fatalf("received %d messages, want 1", len(messages))
	}
	return messages[0]
}

func (f fixture) none(t *testing.T) {
	t.Helper()
	if messages := f.receive(t, queue.MaxBatch); len(messages) != 0 {
		t.Fatalf("received %d messages, want none", len(messages))
	}
}

func (f fixture) remove(t *testing.T, messages ...queue.Message) {
	t.Helper()
	receipts := make([]string, 0, len(messages))
	for _, m := range messages {
		receipts = append(receipts, m.Receipt)
	}
	if err := f.Delete(t.Context(), receipts...); err != nil {
		t.Fatalf("Delete: %v", err)
	}
}

func (f fixture) dead(t *testing.T) []queue.Message {
	t.Helper()
	messages, err := f.Dead(t.Context(), 100)
	if err != nil {
		t.Fatalf("Dead: %v", err)
	}
	return messages
}

// bodies returns the bodies in a fixed order, since a queue has none.
func bodies(messages []queue.Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, string(m.Body))
	}
	slices.SortFunc(all, cmp.Compare)
	return all
}

func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
