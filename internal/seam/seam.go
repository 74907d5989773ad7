// Package seam holds the two inputs of every decision that are not state: time and randomness. Nothing in the control
// plane reads the system clock or the system's random source itself, so that a test can run all of it under a clock and
// a seed of its own.
package seam

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"math/rand/v2"
	"time"
)

// Clock is the only source of time. Its three methods are all that the control plane does with time: an implementation
// that parks its callers can therefore order everything that happens.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the context's error as soon as that ends.
	Sleep(ctx context.Context, d time.Duration) error
	// WithTimeout is context.WithTimeout on this clock.
	WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
}

type taskKey struct{}

// Named names the task that a context belongs to. A goroutine that begins takes its own name and then sleeps for no time:
// for the system's clock that is nothing, and a clock that parks its callers can tell goroutines apart, and let one begin
// after the other, whatever order the Go scheduler would have chosen.
func Named(ctx context.Context, task string) context.Context {
	return context.WithValue(ctx, taskKey{}, task)
}

// Task returns the name that Named gave, or nothing.
func Task(ctx context.Context) string {
	task, _ := ctx.Value(taskKey{}).(string)
	return task
}

// Random is the only source of randomness. Token must be unguessable outside of simulations.
type Random interface {
	// Uint64 serves jitter and choices.
	Uint64() uint64
	// Token returns 2*bytes lower-case hexadecimal characters.
	Token(bytes int) string
}

// System is the machine's own clock.
type System struct{}

// Now returns the present time in UTC, since rows and logs carry no zone.
func (System) Now() time.Time { return time.Now().UTC() }

// Sleep waits on a timer of the machine.
func (System) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WithTimeout is context.WithTimeout.
func (System) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// Crypto is the machine's cryptographic random source.
type Crypto struct{}

// Uint64 returns a random number.
func (Crypto) Uint64() uint64 { return rand.Uint64() } //nolint:gosec // jitter only; secrets come from Token

// Token reads the operating system's random source, which never fails on supported systems (crypto/rand documentation).
func (Crypto) Token(bytes int) string {
	b := make([]byte, bytes)
	_, _ = crand.Read(b)
	return hex.EncodeToString(b)
}

var (
	_ Clock  = System{}
	_ Random = Crypto{}
)
