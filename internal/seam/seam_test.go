package seam_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestSystemSleep(t *testing.T) {
	t.Run("returns after the time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			clock := seam.System{}
			start := clock.Now()
			if err := clock.Sleep(t.Context(), time.Minute); err != nil {
				t.Fatal(err)
			}
			if d := clock.Now().Sub(start); d != time.Minute {
				t.Errorf("slept %s, want 1m", d)
			}
		})
	})
	t.Run("ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			clock := seam.System{}
			ctx, cancel := clock.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := clock.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Sleep = %v, want the deadline's error", err)
			}
		})
	})
}

func TestTokensDiffer(t *testing.T) {
	a, b := seam.Crypto{}.Token(16), seam.Crypto{}.Token(16)
	if len(a) != 32 || a == b {
		t.Errorf("Token(16) = %q, %q: want two different strings of 32", a, b)
	}
}
