package memory_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/memory"
	"github.com/runs-fleet/runs-fleet/internal/queue/queuetest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// seeded is a seam.Random that a seed repeats; the queue needs no token.
type seeded struct {
	seam.Crypto
	*rand.PCG
}

func (s seeded) Uint64() uint64 { return s.PCG.Uint64() }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	queuetest.Run(t, queuetest.Harness{Open: func(_ *testing.T, clock seam.Clock) queue.Queue {
		return memory.New(clock, seeded{PCG: rand.NewPCG(1, 2)}, memory.Options{
			Visibility: queuetest.Visibility, MaxReceives: queuetest.MaxReceives,
		})
	}})
}

func TestDepth(t *testing.T) {
	queuetest.Depth(t, queuetest.Harness{}, func(_ *testing.T, clock seam.Clock) queuetest.Counted {
		return memory.New(clock, seeded{PCG: rand.NewPCG(1, 2)}, memory.Options{
			Visibility: queuetest.Visibility, MaxReceives: queuetest.MaxReceives,
		})
	})
}

func TestOrderComesFromTheSeed(t *testing.T) {
	order := func(seed uint64) []string {
		q := memory.New(seam.System{}, seeded{PCG: rand.NewPCG(seed, 0)}, memory.Options{})
		for i := range 10 {
			if err := q.Send(t.Context(), queue.Outgoing{Body: []byte(fmt.Sprint(i))}); err != nil {
				t.Fatal(err)
			}
		}
		messages, err := q.Receive(t.Context(), 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		var bodies []string
		for _, m := range messages {
			bodies = append(bodies, string(m.Body))
		}
		return bodies
	}
	if diff := cmp.Diff(order(1), order(1)); diff != "" {
		t.Errorf("two runs with one seed differ:\n%s", diff)
	}
	if cmp.Equal(order(1), order(2)) {
		t.Errorf("two seeds give the same order %v", order(1))
	}
}
