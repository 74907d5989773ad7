package queuetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Counted is a queue that can say how many messages it holds, exactly and at once.
type Counted interface {
	queue.Queue
	Depth(ctx context.Context) (queue.Depth, error)
}

// Depth is the suite of queues that are Counted. Open of the harness is not used.
func Depth(t *testing.T, h Harness, open func(t *testing.T, clock seam.Clock) Counted) {
	t.Helper()
	h.Open = func(t *testing.T, clock seam.Clock) queue.Queue { return open(t, clock) }
	h.bubble(t, func(t *testing.T, f fixture) {
		q, ok := f.Queue.(Counted)
		if !ok {
			t.Fatalf("a %T counts nothing", f.Queue)
		}
		is := func(when string, want queue.Depth) {
			t.Helper()
			got, err := q.Depth(t.Context())
			if err != nil {
				t.Fatalf("Depth: %v", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, the depth is wrong (-want +got):\n%s", when, diff)
			}
		}
		is("empty", queue.Depth{})
		f.send(t, "a", "b")
		if err := q.Send(t.Context(), queue.Outgoing{Body: []byte("c"), Delay: 10 * time.Minute}); err != nil {
			t.Fatal(err)
		}
		is("with a message for later", queue.Depth{Ready: 3})
		taken := f.receive(t, 1)
		is("with one taken", queue.Depth{Ready: 2, Taken: 1})
		f.remove(t, taken...)
		is("with one deleted", queue.Depth{Ready: 2})
		for range MaxReceives {
			f.lapse(t, f.one(t))
		}
		is("with one whose time has run out", queue.Depth{Ready: 2})
		f.none(t)
		is("with a dead letter", queue.Depth{Ready: 1, Dead: 1})
		if _, err := q.Dead(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		is("when somebody has looked at it", queue.Depth{Ready: 1, Dead: 1})
	})
}
