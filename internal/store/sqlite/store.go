// Package sqlite is the store in one SQLite file: the backend of a control plane on one machine. What Transact has
// answered survives a power cut.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Store implements store.Store.
type Store struct {
	clock seam.Clock
	db    *sqlitedb.DB

	mu         sync.Mutex
	statements map[string]*sql.Stmt // of the readers, by query
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Deferrer = (*Store)(nil)
)

// Open opens the store at path or makes it; its folder must exist. One process may use a store at a time: take Lock of the
// folder first.
func Open(ctx context.Context, path string, clock seam.Clock, logger *slog.Logger) (*Store, error) {
	db, err := sqlitedb.Open(ctx, sqlitedb.Options{
		Path: path, ApplicationID: applicationID, Migrations: migrations(),
	}, logger)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	return &Store{clock: clock, db: db, statements: map[string]*sql.Stmt{}}, nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key store.Key) (store.Row, error) {
	if err := store.CheckKey(key); err != nil {
		return store.Row{}, err
	}
	ctx, err := uninterrupted(ctx)
	if err != nil {
		return store.Row{}, err
	}
	statement, err := s.prepared(ctx, "SELECT "+columns+" FROM rows WHERE partition = ? AND sort = ? AND "+unexpired)
	if err != nil {
		return store.Row{}, err
	}
	rows, err := statement.QueryContext(ctx, []byte(key.Partition), []byte(key.Sort), s.clock.Now().Unix())
	if err != nil {
		return store.Row{}, fmt.Errorf("getting %s: %w", key, err)
	}
	row, err := store.Row{}, store.ErrNotFound
	if rows.Next() {
		row, err = scan(rows.Scan, key.Partition)
	}
	if failed := errors.Join(rows.Err(), rows.Close()); failed != nil {
		err = failed
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Row{}, fmt.Errorf("getting %s: %w", key, err)
	}
	return row, err
}

// uninterrupted takes the end of a context away from a read that lasts microseconds: for one that can be interrupted the
// driver starts a goroutine, which costs more than the read. What waits, waits for a reading connection: for other reads.
func uninterrupted(ctx context.Context) (context.Context, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return context.WithoutCancel(ctx), nil
}

// prepared returns a statement of the readers. Queries come from a fixed set of shapes, so that few are kept.
func (s *Store) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	statement, ok := s.statements[query]
	s.mu.Unlock()
	if ok {
		return statement, nil
	}
	statement, err := s.db.Readers().PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("preparing a query: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.statements[query]; ok {
		return first, errors.Join(statement.Close()) // another caller was faster
	}
	s.statements[query] = statement
	return statement, nil
}

// Backup writes a copy of the store to a new file at path, while the store is in use.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.db.Backup(ctx, path); err != nil {
		return fmt.Errorf("backing up the store: %w", err)
	}
	return nil
}

// Snapshot writes a copy of the store at path to a new file at to. The store may be in use by another process.
func Snapshot(ctx context.Context, path, to string) error {
	err := sqlitedb.Snapshot(ctx, path, to, sqlitedb.Options{ApplicationID: applicationID, Migrations: migrations()})
	if err != nil {
		return fmt.Errorf("copying the store: %w", err)
	}
	return nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, statement := range s.statements {
		errs = append(errs, statement.Close())
	}
	s.statements = map[string]*sql.Stmt{}
	if err := errors.Join(append(errs, s.db.Close())...); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}
