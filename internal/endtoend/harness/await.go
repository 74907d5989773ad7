package harness

import (
	"context"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// look is how often Await looks: often enough for a person not to notice.
const look = 50 * time.Millisecond

// Await lets time pass until cond holds, and ends the test if it does not within the limit. State says how things are then.
// It may be called while a test cleans up.
func Await(t *testing.T, limit time.Duration, what string, cond func() bool, state func() string) {
	t.Helper()
	clock, ctx := seam.System{}, context.WithoutCancel(t.Context())
	for end := clock.Now().Add(limit); !cond(); {
		if clock.Now().After(end) {
			t.Fatalf("after %s it is not so that %s\n%s", limit, what, state())
		}
		_ = clock.Sleep(ctx, look) // its context does not end
	}
}
