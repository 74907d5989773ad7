// Package queuetest is the suite that every queue passes: what a queue.Queue promises, tried one promise at a time, and
// then all together over random histories.
package queuetest

import (
	"cmp"
	"context"
	"slices"
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

// Harness is a backend under test. Each test runs in a bubble of testing/synctest, in which time passes only while
// everything waits.
type Harness struct {
	// Open returns an empty queue with the settings above, on this clock; the suite closes it.
	Open func(t *testing.T, clock seam.Clock) queue.Queue
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, group := range []map[string]func(*testing.T, fixture){
		sendTests(), receiveTests(), waitTests(), receiptTests(), deadTests(), historyTests(),
	} {
		names := make([]string, 0, len(group))
		for name := range group {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					q := h.Open(t, seam.System{})
					defer func() {
						if err := q.Close(); err != nil {
							t.Errorf("Close: %v", err)
						}
					}()
					group[name](t, fixture{Queue: q})
				})
			})
		}
	}
}

// fixture is the queue of one test, with calls that must succeed.
type fixture struct {
	queue.Queue
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
