package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/storetest"
)

func TestRowsCanBeMoved(t *testing.T) {
	clock := storetest.NewClock()
	storetest.RunPortable(t, storetest.Harness{
		Open:    func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "store.db"), clock) },
		Advance: clock.Advance, Now: clock.Now,
	})
}
