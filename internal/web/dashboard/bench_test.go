package dashboard_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
	"github.com/runs-fleet/runs-fleet/internal/web/dashboard"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// BenchmarkPages measures each page over 100,000 jobs in a SQLite file, 20,000 of which are queued and 1,000 run. The aim is
// under 100 ms for each.
func BenchmarkPages(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "fleet.db"), seam.System{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	records := record.New(s)
	backlog := webtest.Backlog{Ended: 78_000, Running: 1_000, Queued: 20_000, Waiting: 1_000}
	if err := webtest.Fill(b.Context(), records, backlog, time.Now()); err != nil {
		b.Fatal(err)
	}
	c := &controller.Controller{Config: controller.Config{Records: records, Clock: seam.System{}}}
	pages := http.NewServeMux()
	for _, r := range dashboard.New(dashboard.Config{
		Queries: query.New(records, seam.System{}), Clock: seam.System{}, Logger: slog.New(slog.DiscardHandler), Reasons: c.Reasons,
		Draining: func() bool { return false }, DeadCount: func(context.Context) int { return 0 }, About: view.About{GitHub: webtest.Host, MaxRunners: 2000},
	}).Routes() {
		pages.Handle(r.Pattern, r.Handler)
	}
	for _, path := range []string{
		"/", "/jobs", "/jobs?state=completed", "/jobs?q=postgres", "/jobs?q=nowhere+to+be+found", "/jobs?q=40099999", "/jobs?repository=acme%2Fbilling&state=completed",
		"/jobs/github.com/40000001", "/jobs/github.com/40021500", "/runners", "/runners?ended=true", "/machines/default/local/m-021500",
	} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				pages.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, http.NoBody))
				if w.Code != http.StatusOK {
					b.Fatalf("%d: %s", w.Code, w.Body)
				}
			}
		})
	}
}
