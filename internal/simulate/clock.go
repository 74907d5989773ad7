package simulate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// clock is a replica's clock: the world's, and as wrong as the replica's skew.
type clock struct {
	s *scheduler
	d *domain
}

var _ seam.Clock = clock{}

// Now implements seam.Clock. It does not park: within a step no time passes.
func (c clock) Now() time.Time { return c.s.now.Add(c.d.skew).UTC() }

// Sleep implements seam.Clock.
func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	d = max(0, d) // no time is a step all the same: goroutines begin so
	if d == 0 {
		deepen()
	}
	c.s.park(ctx, c.d, "sleep "+d.String(), c.s.now.Add(d))
	return ctx.Err()
}

// WithTimeout implements seam.Clock.
func (c clock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancel(ctx)
	t := &timed{Context: inner}
	planned := c.s.after(d, c.d.name+" time limit "+d.String(), func() {
		t.over = inner.Err() == nil
		cancel()
	})
	return t, func() {
		c.s.events.cancel(planned)
		cancel()
	}
}

// timed is a context with a time limit on the virtual clock.
type timed struct {
	context.Context //nolint:containedctx // it is a context

	over bool
}

// Err says which end it was, as the standard library's does.
func (t *timed) Err() error {
	if t.over {
		return context.DeadlineExceeded
	}
	return t.Context.Err()
}

// stream is one of the world's sources of randomness. Each purpose has its own, so that switching one fault off leaves the
// rest of the run as it was for as long as possible.
type stream struct{ r *rand.Rand }

func newStream(seed, purpose uint64) stream {
	return stream{rand.New(rand.NewPCG(seed, purpose))} //nolint:gosec // repeatable
}

// Uint64 implements seam.Random.
func (s stream) Uint64() uint64 { return s.r.Uint64() }

// Token implements seam.Random.
func (s stream) Token(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.r.Uint64())
	}
	return fmt.Sprintf("%x", b)
}

// chance is true with a probability. Rate 0 draws all the same, so that a fault that is off shifts nothing.
func (s stream) chance(rate float64) bool { return s.r.Float64() < rate }

// between draws a duration from low up to high.
func (s stream) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(s.r.Int64N(int64(high-low)))
}

// below draws a number from 0 up to n, exclusive.
func (s stream) below(n int) int { return s.r.IntN(n) }

var _ seam.Random = stream{}
