package sqlite_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

func TestASnapshotIsOneMomentOfAStoreInUse(t *testing.T) {
	dir, clock := t.TempDir(), seamtest.NewClock()
	path := filepath.Join(dir, "a store.db")
	s := open(t, path, clock)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			pair := []store.Write{
				store.Put(store.Row{Key: store.Key{Partition: "p", Sort: fmt.Sprint("a", i)}}, store.Absent()),
				store.Put(store.Row{Key: store.Key{Partition: "p", Sort: fmt.Sprint("b", i)}}, store.Absent()),
			}
			if err := s.Transact(t.Context(), pair); err != nil {
				t.Error(err)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	var copies []string
	for i := range 5 {
		copied := filepath.Join(dir, fmt.Sprint("copy", i))
		if err := sqlite.Snapshot(t.Context(), path, copied); err != nil {
			t.Error(err)
		}
		copies = append(copies, copied)
	}
	close(stop)
	wg.Wait()
	closeStore(t, s)
	for _, path := range append(copies, path) {
		s := open(t, path, clock)
		counts := map[byte]int{}
		q := store.ScanQuery{}
		for more := true; more; more = q.Cursor != "" {
			page, err := s.Scan(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Rows {
				counts[row.Key.Sort[0]]++
			}
			q.Cursor = page.Next
		}
		if counts['a'] != counts['b'] {
			t.Errorf("%s has halves of transactions: %v", path, counts)
		}
		closeStore(t, s)
	}
}

func TestASnapshotIsOfAStoreOnly(t *testing.T) {
	dir := t.TempDir()
	if err := sqlite.Snapshot(t.Context(), filepath.Join(dir, "none.db"), filepath.Join(dir, "copy")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no file: %v, want os.ErrNotExist", err)
	}
	foreign := filepath.Join(dir, "foreign.db")
	s, err := sqlitedb.Open(t.Context(), sqlitedb.Options{Path: foreign, ApplicationID: 7, Migrations: []string{"CREATE TABLE t (x)"}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Snapshot(t.Context(), foreign, filepath.Join(dir, "copy")); !errors.Is(err, sqlitedb.ErrForeign) {
		t.Errorf("of another kind of database: %v, want ErrForeign", err)
	}
	path := filepath.Join(dir, "store.db")
	closeStore(t, open(t, path, seamtest.NewClock()))
	if err := sqlite.Snapshot(t.Context(), path, foreign); !errors.Is(err, os.ErrExist) {
		t.Errorf("over an existing file: %v, want os.ErrExist", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.partial*")); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
