package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

// openStore opens the store of a world: the strict one in memory, whose indexes lag, or SQLite in a folder of the world's own.
// SQLite's goroutines belong to the bubble. None of them parks: what a call sets going has ended when the call returns, and the
// scheduler waits for that.
func openStore(cfg Config, clock seam.Clock, lag time.Duration) store.Store {
	if !cfg.SQLite {
		return memory.New(clock, memory.Options{IndexLag: lag})
	}
	s, err := sqlite.Open(context.Background(), filepath.Join(cfg.folder, "store.db"), clock, slog.New(slog.DiscardHandler))
	if err != nil {
		panic("simulate: " + err.Error()) // a folder of our own
	}
	return s
}

// deferringSeam is the seam of a store that can leave the wait for the disk to later.
type deferringSeam struct {
	storeSeam

	to store.Deferrer
}

var _ store.Deferrer = deferringSeam{}

// seamOf is the world's store as one life of a replica reaches it.
func (w *World) seamOf(d *domain) store.Store {
	s := storeSeam{w, d}
	if to, ok := w.store.(store.Deferrer); ok {
		return deferringSeam{s, to}
	}
	return s
}

// TransactDeferred implements store.Deferrer.
func (s deferringSeam) TransactDeferred(ctx context.Context, writes []store.Write) error {
	return s.transact(ctx, writes, s.to.TransactDeferred)
}

// Sync implements store.Deferrer.
func (s deferringSeam) Sync(ctx context.Context) error {
	if err := s.call(ctx, "sync"); err != nil {
		return err
	}
	if err := s.to.Sync(ctx); err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	return nil
}
