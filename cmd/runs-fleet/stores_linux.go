package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

// stores opens stores for the commands that move and copy them.
type stores struct{ clock seam.Clock }

func openStores() cli.Stores { return stores{clock: seam.System{}} }

// shared opens a store that is a service, nil if the settings name a file.
func (a stores) shared(ctx context.Context, s settings.Settings) (*cli.OpenStore, error) {
	backend, err := s.StoreBackend()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if !backend.Shared() {
		return nil, nil //nolint:nilnil // a file is no error
	}
	table, err := a.table(ctx, backend)
	if err != nil {
		return nil, err
	}
	return &cli.OpenStore{Portable: table, Shared: true, Done: table.Close}, nil
}

// Reading implements cli.Stores. Of a file it reads a copy, so that a server may go on.
func (a stores) Reading(ctx context.Context, s settings.Settings) (*cli.OpenStore, error) {
	if shared, err := a.shared(ctx, s); shared != nil || err != nil {
		return shared, err
	}
	folder, err := os.MkdirTemp(s.Data, "export-") // where the original has its room
	if err != nil {
		return nil, fmt.Errorf("making room for a copy of the database: %w", err)
	}
	remove := func() error { return os.RemoveAll(folder) }
	copied := filepath.Join(folder, "store.db")
	if err := sqlite.Snapshot(ctx, s.Path(s.Store), copied); err != nil {
		return nil, errors.Join(err, remove())
	}
	file, err := sqlite.Open(ctx, copied, a.clock, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	return &cli.OpenStore{
		Portable: file, User: userOf(s.Data), Done: func() error { return errors.Join(file.Close(), remove()) },
	}, nil
}

// userOf says which server has reserved a data directory.
func userOf(dir string) string {
	unlock, err := sqlite.Lock(dir)
	if locked, ok := errors.AsType[*sqlite.LockedError](err); ok {
		return fmt.Sprintf("The server that uses %s (process %d) is at work", dir, locked.PID)
	}
	if err == nil {
		_ = unlock() // another process would find the same out
	}
	return ""
}

// Writing implements cli.Stores.
func (a stores) Writing(ctx context.Context, s settings.Settings) (*cli.OpenStore, error) {
	if shared, err := a.shared(ctx, s); shared != nil || err != nil {
		return shared, err
	}
	const private = 0o700
	if err := os.MkdirAll(s.Data, private); err != nil {
		return nil, fmt.Errorf("making the data directory: %w; choose another with --data", err)
	}
	unlock, err := sqlite.Lock(s.Data)
	if err != nil {
		return nil, err
	}
	file, err := sqlite.Open(ctx, s.Path(s.Store), a.clock, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return &cli.OpenStore{Portable: file, Done: func() error { return errors.Join(file.Close(), unlock()) }}, nil
}

// Backup implements cli.Stores.
func (stores) Backup(ctx context.Context, s settings.Settings, path string) error {
	backend, err := s.StoreBackend()
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if backend.Shared() {
		return &settings.Error{What: "store is " + s.Store + ", which is no file: its back-up is the table's point-in-time recovery; " +
			"runs-fleet store export writes what it holds to a stream"}
	}
	return sqlite.Snapshot(ctx, s.Path(s.Store), path)
}

func (a stores) table(ctx context.Context, backend settings.Backend) (*dynamodb.Store, error) {
	cfg, err := awsConfig(ctx, backend)
	if err != nil {
		return nil, err
	}
	table, err := dynamodb.New(cfg, dynamodb.Options{Table: backend.Name, Clock: a.clock, Random: seam.Crypto{}})
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	return table, nil
}
