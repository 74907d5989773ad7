package heap_test

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/heap"
)

func TestTheEnvironmentHasTheLastWord(t *testing.T) {
	for _, c := range []struct {
		name    string
		env     map[string]string
		percent int
		limit   int64
	}{
		{"nothing is said", nil, 400, 256 << 20},
		{"a percentage is said", map[string]string{"GOGC": "100"}, 100, 256 << 20},
		{"a limit is said", map[string]string{"GOMEMLIMIT": "1GiB"}, 400, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
			defer func() {
				debug.SetGCPercent(percent)
				debug.SetMemoryLimit(limit)
			}()
			heap.Configure(func(name string) string { return c.env[name] })
			if got := debug.SetGCPercent(100); got != c.percent {
				t.Errorf("the heap grows by %d %%, want %d", got, c.percent)
			}
			if got := debug.SetMemoryLimit(-1); got != c.limit {
				t.Errorf("the limit is %d bytes, want %d", got, c.limit)
			}
		})
	}
}
