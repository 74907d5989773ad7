package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

var _ store.Portable = (*Store)(nil)

// Scan implements store.Portable. All rows are in part 0, by key ascending.
func (s *Store) Scan(ctx context.Context, q store.ScanQuery) (store.Page, error) {
	if err := store.CheckScan(q); err != nil {
		return store.Page{}, err
	}
	if q.Part != 0 {
		return store.Page{}, nil
	}
	query := "SELECT " + columns + " FROM rows WHERE " + unexpired
	args := []any{s.clock.Now().Unix()}
	if q.Cursor != "" {
		after, err := store.ParseCursor(q.Cursor)
		if err != nil {
			return store.Page{}, err
		}
		query += " AND (partition, sort) > (?, ?)"
		args = append(args, []byte(after.Key.Partition), []byte(after.Key.Sort))
	}
	limit := -1 // none; the bytes of the page bound it
	if q.Limit > 0 {
		limit = q.Limit + 1
	}
	page, err := s.scanPage(ctx, query+" ORDER BY partition, sort LIMIT ?", append(args, limit), store.Query{Limit: q.Limit})
	if err != nil {
		return store.Page{}, fmt.Errorf("scanning the store: %w", err)
	}
	return page, nil
}

func (s *Store) scanPage(ctx context.Context, query string, args []any, q store.Query) (store.Page, error) {
	statement, err := s.prepared(ctx, query)
	if err != nil {
		return store.Page{}, err
	}
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return store.Page{}, err //nolint:wrapcheck // Scan says what it read
	}
	page, err := read(rows, q, access{of: func(store.Row) string { return "" }})
	return page, errors.Join(err, rows.Close())
}

// Restore implements store.Portable. It writes all of the rows or none.
func (s *Store) Restore(ctx context.Context, rows []store.Row) error {
	if err := store.CheckRestore(rows); err != nil {
		return err
	}
	err := s.db.Write(ctx, sqlitedb.Durable, func(ctx context.Context, tx *sqlitedb.Tx) error {
		for _, row := range rows {
			if _, err := tx.Exec(ctx, upsert, values(row, row.Version)...); err != nil {
				return fmt.Errorf("writing %s: %w", row.Key, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("restoring %d rows: %w", len(rows), err)
	}
	return nil
}
