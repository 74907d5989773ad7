package memory_test

import (
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
	"github.com/runs-fleet/runs-fleet/internal/store/storetest"
)

func TestRowsCanBeMoved(t *testing.T) {
	const lag = 300 * time.Millisecond
	clock := seamtest.NewClock()
	storetest.RunPortable(t, storetest.Harness{
		Open:    func(*testing.T) store.Store { return memory.New(clock, memory.Options{IndexLag: lag}) },
		Advance: func(d time.Duration) { clock.Advance(d) }, Now: clock.Now, Settle: func() { clock.Advance(lag) },
	})
}
