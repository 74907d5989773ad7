package memory

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

var _ store.Portable = (*Store)(nil)

// Scan implements store.Portable. The rows of a part are those of its partitions, by key ascending.
func (s *Store) Scan(ctx context.Context, q store.ScanQuery) (store.Page, error) {
	if err := store.CheckScan(q); err != nil {
		return store.Page{}, err
	}
	var after store.Position
	if q.Cursor != "" {
		var err error
		if after, err = store.ParseCursor(q.Cursor); err != nil {
			return store.Page{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return store.Page{}, fmt.Errorf("scanning: %w", err)
	}
	now := s.clock.Now().Unix()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.Page{}, errClosed
	}
	var page store.Page
	read, bytes := 0, 0
	for _, partition := range slices.Sorted(maps.Keys(s.partitions)) {
		if partition < after.Key.Partition || part(partition, q.Parts) != q.Part {
			continue
		}
		for _, e := range s.partitions[partition].entries {
			if e.at.Compare(after) <= 0 {
				continue
			}
			read++
			bytes += store.RowBytes(*e.row)
			if !store.Expired(expires(e.row), now) {
				page.Rows = append(page.Rows, clone(e.row))
			}
			if read == q.Limit || bytes >= store.MaxPageBytes {
				page.Next = e.at.Cursor()
				return page, nil
			}
		}
	}
	return page, nil
}

// part says in which part of a scan a partition is; it does not depend on the others, which come and go.
func part(partition string, parts int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(partition))
	return int(h.Sum32() % uint32(max(parts, 1)))
}

// Restore implements store.Portable.
func (s *Store) Restore(ctx context.Context, rows []store.Row) error {
	if err := store.CheckRestore(rows); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("restoring %d rows: %w", len(rows), err)
	}
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	for _, given := range rows {
		row := clone(&given)
		if !row.Expires.IsZero() {
			row.Expires = time.Unix(row.Expires.Unix(), 0).UTC()
		}
		s.write(now, row.Key, &row)
	}
	s.catchUp(now)
	return nil
}
