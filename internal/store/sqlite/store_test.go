package sqlite_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb/killtest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
	"github.com/runs-fleet/runs-fleet/internal/store/storetest"
)

func TestMain(m *testing.M) {
	killtest.Main(writeForever)
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string, clock seam.Clock) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, clock, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	clock := seamtest.NewClock()
	storetest.Run(t, storetest.Harness{
		Open:    func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "store.db"), clock) },
		Advance: func(d time.Duration) { clock.Advance(d) }, Now: clock.Now,
	})
}
