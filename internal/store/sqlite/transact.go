package sqlite

import (
	"context"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Transact implements store.Store. It shares its commit with concurrent callers; the conditions of each are evaluated on
// what those before it have written, and a refused one has written nothing.
func (s *Store) Transact(ctx context.Context, writes []store.Write) error {
	return s.transact(ctx, sqlitedb.Durable, writes)
}

// TransactDeferred implements store.Deferrer: it saves the wait for the disk, if those who share the commit agree.
func (s *Store) TransactDeferred(ctx context.Context, writes []store.Write) error {
	return s.transact(ctx, sqlitedb.Relaxed, writes)
}

// Sync implements store.Deferrer.
func (s *Store) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.db.Sync(); err != nil {
		return fmt.Errorf("making deferred writes durable: %w", err)
	}
	return nil
}

func (s *Store) transact(ctx context.Context, durability sqlitedb.Durability, writes []store.Write) error {
	if err := store.CheckWrites(writes); err != nil {
		return err
	}
	now := s.clock.Now().Unix()
	err := s.db.Write(ctx, durability, func(ctx context.Context, tx *sqlitedb.Tx) error {
		return transact(ctx, tx, writes, now)
	})
	if err != nil && !store.IsConflict(err) {
		return fmt.Errorf("writing %d rows: %w", len(writes), err)
	}
	return err
}

func transact(ctx context.Context, tx *sqlitedb.Tx, writes []store.Write, now int64) error {
	versions := make([]uint64, len(writes))
	var conflict *store.ConflictError
	for i, w := range writes {
		if w.If == store.Any() && w.Op != store.OpCheck {
			continue // nothing depends on the present row
		}
		var err error
		if versions[i], err = version(ctx, tx, w.Row.Key, now); err != nil {
			return err
		}
		if w.If.Holds(versions[i]) {
			continue
		}
		if conflict == nil {
			conflict = &store.ConflictError{Key: w.Row.Key}
		}
		conflict.Failed = append(conflict.Failed, i)
	}
	if conflict != nil {
		return conflict
	}
	for i, w := range writes {
		if err := write(ctx, tx, w, versions[i], now); err != nil {
			return fmt.Errorf("writing %s: %w", w.Row.Key, err)
		}
	}
	return nil
}

// version returns the version of the present row, 0 for none or an expired one.
func version(ctx context.Context, tx *sqlitedb.Tx, key store.Key, now int64) (uint64, error) {
	var version, expires int64
	err := tx.Each(ctx, func(scan func(dest ...any) error) error { return scan(&version, &expires) },
		"SELECT version, expires FROM rows WHERE partition = ? AND sort = ?", []byte(key.Partition), []byte(key.Sort))
	if err != nil {
		return 0, fmt.Errorf("reading the version of %s: %w", key, err)
	}
	if store.Expired(expires, now) {
		return 0, nil
	}
	return uint64(version), nil
}

func write(ctx context.Context, tx *sqlitedb.Tx, w store.Write, version uint64, now int64) error {
	var err error
	switch {
	case w.Op == store.OpPut && w.If == store.Any():
		_, err = tx.Exec(ctx, upsertAny, append(values(w.Row, 1), now)...)
	case w.Op == store.OpPut:
		_, err = tx.Exec(ctx, upsert, values(w.Row, version+1)...)
	case w.Op == store.OpDelete:
		_, err = tx.Exec(ctx, "DELETE FROM rows WHERE partition = ? AND sort = ?",
			[]byte(w.Row.Key.Partition), []byte(w.Row.Key.Sort))
	default: // a check
	}
	return err
}

// Sweep deletes at most limit rows that have expired, which no reader sees any more, and says how many. A sweep that
// returns its limit has more to do.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	now := s.clock.Now().Unix()
	var deleted int64
	err := s.db.Write(ctx, sqlitedb.Relaxed, func(ctx context.Context, tx *sqlitedb.Tx) error {
		var err error
		deleted, err = tx.Exec(ctx, "DELETE FROM rows WHERE rowid IN"+
			" (SELECT rowid FROM rows WHERE expires > 0 AND expires <= ? ORDER BY expires LIMIT ?)", now, limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("deleting expired rows: %w", err)
	}
	return int(deleted), nil
}
