package sqlitedb

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// walSuffix is what SQLite appends to the name of a database for its log (sqlite.org/wal.html).
const walSuffix = "-wal"

// syncer makes what is in the log durable without a transaction of its own.
type syncer struct {
	mu     sync.Mutex
	log    *os.File
	closed bool
}

// Sync returns when everything that Write had answered before survives a power cut, relaxed writes too. All are in one log,
// in the order of their commits, and what has left the log was synced on its way into the file: one fdatasync is enough,
// and transactions go on meanwhile.
func (db *DB) Sync() error {
	log, err := db.syncer.open(db.path + walSuffix)
	if err != nil {
		return err
	}
	if err := datasync(log); err != nil {
		return fmt.Errorf("syncing the log of the database %s: %w", db.path, err)
	}
	return nil
}

// open opens the log once: a file that stays open also hears of a failure between two syncs. SQLite keeps the log as long
// as it has the database open, and its locks are on other files, so that closing this one gives none of them up.
func (s *syncer) open(path string) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.log != nil {
		return s.log, nil
	}
	log, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a database's log: %w", err)
	}
	s.log = log
	return log, nil
}

func (s *syncer) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.log == nil {
		return nil
	}
	log := s.log
	s.log = nil
	if err := log.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("closing a database's log: %w", err)
	}
	return nil
}
