package sqlite

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// No read may look at rows outside its range or sort them: a page costs what it returns, however large the store is.
func TestReadsFollowAnIndex(t *testing.T) { // failure mode C15
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), seam.System{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	wants := map[string]access{
		"sqlite_autoindex_rows_1": {partition: "partition", sort: "sort"},
		"rows_index1":             {indexed: true, partition: "index1", sort: "index1_sort"},
		"rows_index2":             {indexed: true, partition: "index2", sort: "index2_sort"},
	}
	after := &store.Position{Index: "i", Key: store.Key{Partition: "p", Sort: "s"}}
	for index, by := range wants {
		for _, q := range []store.Query{{}, {Descending: true}, {Prefix: "b"}, {From: "a", Descending: true}, {To: "c"}} {
			for _, position := range []*store.Position{nil, after} {
				query, args := selection(q, by, q.Bounds(), position, 0)
				t.Run(fmt.Sprintf("%s %+v after %t", index, q, position != nil), func(t *testing.T) {
					wantPlan(t, s, index, query, args)
				})
			}
		}
	}
	wantPlan(t, s, "rows_expires", "SELECT rowid FROM rows WHERE expires > 0 AND expires <= ? ORDER BY expires LIMIT ?", []any{1, 1})
}

func wantPlan(t *testing.T, s *Store, index, query string, args []any) {
	t.Helper()
	rows, err := s.db.Readers().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Error(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
	if len(plan) != 1 || !strings.HasPrefix(plan[0], "SEARCH rows USING ") || !strings.Contains(plan[0], "INDEX "+index+" (") {
		t.Errorf("plan of %s:\n%s\nwant a search by %s alone", query, strings.Join(plan, "\n"), index)
	}
}
