package embedded_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/embedded"
	"github.com/runs-fleet/runs-fleet/internal/queue/queuetest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb/killtest"
)

func TestMain(m *testing.M) {
	killtest.Main(sendForever)
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string, clock seam.Clock, opts embedded.Options) *embedded.Queue {
	t.Helper()
	q, err := embedded.Open(t.Context(), path, clock, opts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestConformance(t *testing.T) {
	queuetest.Run(t, queuetest.Harness{Open: func(t *testing.T, clock seam.Clock) queue.Queue {
		return open(t, filepath.Join(t.TempDir(), "queue.db"), clock, embedded.Options{
			Visibility: queuetest.Visibility, MaxReceives: queuetest.MaxReceives,
		})
	}})
}

func TestDepth(t *testing.T) {
	queuetest.Depth(t, queuetest.Harness{}, func(t *testing.T, clock seam.Clock) queuetest.Counted {
		return open(t, filepath.Join(t.TempDir(), "queue.db"), clock, embedded.Options{
			Visibility: queuetest.Visibility, MaxReceives: queuetest.MaxReceives,
		})
	})
}
