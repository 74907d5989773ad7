package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/storetest"
)

func TestRowsCanBeMoved(t *testing.T) {
	clock := seamtest.NewClock()
	storetest.RunPortable(t, storetest.Harness{
		Open:    func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "store.db"), clock) },
		Advance: func(d time.Duration) { clock.Advance(d) }, Now: clock.Now,
	})
}
