package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb/killtest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

// halves are the two rows of each transaction of a burst.
func halves() [2]string { return [2]string{"left", "right"} }

// writeForever writes transactions of two rows from 16 callers.
func writeForever(dir string, acknowledge func(name string)) error {
	s, err := sqlite.Open(context.Background(), filepath.Join(dir, "store.db"), seam.System{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	var group errgroup.Group
	for writer := range 16 {
		group.Go(func() error {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), writer, i)
				var writes []store.Write
				for _, half := range halves() {
					writes = append(writes, store.Put(store.Row{Key: store.Key{Partition: half, Sort: name}}, store.Absent()))
				}
				if err := s.Transact(context.Background(), writes); err != nil {
					return err
				}
				acknowledge(name)
			}
		})
	}
	return group.Wait()
}

// Invariant RestartSafe: what Transact has answered is there whenever the process is killed, and no transaction is there
// by half.
func TestKilledWriterLosesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, enough := range []int{1, 100, 1000} {
		written := killtest.Burst(t, dir, enough)
		if len(written) < enough {
			t.Fatalf("%d acknowledgements, want at least %d", len(written), enough)
		}
		s := open(t, filepath.Join(dir, "store.db"), seam.System{})
		for _, name := range written {
			for _, half := range halves() {
				if _, err := s.Get(t.Context(), store.Key{Partition: half, Sort: name}); err != nil {
					t.Errorf("write %s was acknowledged; reading its %s half: %v", name, half, err)
				}
			}
		}
		wantWhole(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func wantWhole(t *testing.T, s *sqlite.Store) {
	t.Helper()
	q := store.Query{Partition: halves()[0]}
	for {
		page, err := s.Query(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			_, err := s.Get(t.Context(), store.Key{Partition: halves()[1], Sort: row.Key.Sort})
			if errors.Is(err, store.ErrNotFound) {
				t.Errorf("only half of write %s is there", row.Key.Sort)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if page.Next == "" {
			return
		}
		q.Cursor = page.Next
	}
}
