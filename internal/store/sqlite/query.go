package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Query implements store.Store.
func (s *Store) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := store.CheckQuery(q); err != nil {
		return store.Page{}, err
	}
	page, err := s.page(ctx, q, access{partition: "partition", sort: "sort", of: func(store.Row) string { return "" }})
	if err != nil {
		return store.Page{}, fmt.Errorf("querying partition %s: %w", q.Partition, err)
	}
	return page, nil
}

// Index implements store.Store. The indexes of this backend do not lag.
func (s *Store) Index(ctx context.Context, name store.IndexName, q store.Query) (store.Page, error) {
	if err := store.CheckQuery(q); err != nil {
		return store.Page{}, err
	}
	var by access
	switch name {
	case store.Index1:
		by = access{partition: "index1", sort: "index1_sort", of: func(r store.Row) string { return r.Index1.Sort }}
	case store.Index2:
		by = access{partition: "index2", sort: "index2_sort", of: func(r store.Row) string { return r.Index2.Sort }}
	default:
		return store.Page{}, fmt.Errorf("%w: no index %d", store.ErrInvalid, name)
	}
	by.indexed = true
	page, err := s.page(ctx, q, by)
	if err != nil {
		return store.Page{}, fmt.Errorf("reading index %d, partition %s: %w", name, q.Partition, err)
	}
	if q.Keys {
		page = store.Bare(page, name)
	}
	return page, nil
}

// access names the columns by which a query selects and orders.
type access struct {
	indexed         bool
	partition, sort string
	of              func(store.Row) string // the row's sort key in the index
}

func (s *Store) page(ctx context.Context, q store.Query, by access) (store.Page, error) {
	after, err := q.After(by.indexed)
	if err != nil {
		return store.Page{}, err
	}
	bounds := q.Bounds()
	if bounds.Empty {
		return store.Page{}, nil
	}
	query, args := selection(q, by, bounds, after, s.clock.Now().Unix())
	if ctx, err = uninterrupted(ctx); err != nil {
		return store.Page{}, err
	}
	statement, err := s.prepared(ctx, query)
	if err != nil {
		return store.Page{}, err
	}
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return store.Page{}, err //nolint:wrapcheck // the caller says what it read
	}
	page, err := read(rows, q, by)
	return page, errors.Join(err, rows.Close())
}

// selection returns the SQL of a page and its arguments. It asks for one row more than the limit, to know whether a
// further page has any.
func selection(q store.Query, by access, bounds store.Bounds, after *store.Position, now int64) (string, []any) {
	query := "SELECT " + columns + " FROM rows WHERE " + by.partition + " = ? AND " + unexpired
	args := []any{[]byte(q.Partition), now}
	if bounds.From != "" {
		query += " AND " + by.sort + " >= ?"
		args = append(args, []byte(bounds.From))
	}
	if bounds.To != "" {
		query += " AND " + by.sort + " < ?"
		args = append(args, []byte(bounds.To))
	}
	past, direction := " > ", ""
	if q.Descending {
		past, direction = " < ", " DESC"
	}
	if after != nil && by.indexed {
		query += " AND (" + by.sort + ", partition, sort)" + past + "(?, ?, ?)"
		args = append(args, []byte(after.Index), []byte(after.Key.Partition), []byte(after.Key.Sort))
	} else if after != nil {
		query += " AND sort" + past + "?"
		args = append(args, []byte(after.Key.Sort))
	}
	if by.indexed {
		query += " ORDER BY " + by.sort + direction + ", partition" + direction + ", sort" + direction + " LIMIT ?"
	} else {
		query += " ORDER BY sort" + direction + " LIMIT ?"
	}
	limit := -1 // none; the bytes of the page bound it
	if q.Limit > 0 {
		limit = q.Limit + 1
	}
	return query, append(args, limit)
}

func read(rows *sql.Rows, q store.Query, by access) (store.Page, error) {
	var page store.Page
	bytes := 0
	for rows.Next() {
		if q.Limit > 0 && len(page.Rows) == q.Limit || bytes >= store.MaxPageBytes {
			last := page.Rows[len(page.Rows)-1]
			page.Next = store.Position{Index: by.of(last), Key: last.Key}.Cursor()
			return page, nil
		}
		row, err := scan(rows.Scan, q.Partition)
		if err != nil {
			return store.Page{}, err
		}
		bytes += store.RowBytes(row)
		page.Rows = append(page.Rows, row)
	}
	if err := rows.Err(); err != nil {
		return store.Page{}, err //nolint:wrapcheck // the caller says what it read
	}
	return page, nil
}
