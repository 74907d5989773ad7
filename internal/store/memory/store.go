// Package memory is a store that forgets everything when the process ends. It is the strict backend: it enforces the
// limits of DynamoDB, pages as DynamoDB does, and lets its indexes lag, so that what works on it works on the others. Two
// runs that make the same calls at the same times get the same answers.
package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Options are the choices of a memory store.
type Options struct {
	// IndexLag is how long a write stays unseen by the indexes; 0 is not at all.
	IndexLag time.Duration
}

// Store implements store.Store. Its lock is only held while it computes, never across a call of the clock.
type Store struct {
	clock seam.Clock
	lag   time.Duration

	mu         sync.Mutex
	closed     bool
	partitions map[string]*table
	indexes    map[store.IndexName]*index
	unindexed  []change
}

// change is a write that the indexes have yet to see.
type change struct {
	at       time.Time
	key      store.Key
	row      *store.Row // nil when the row was deleted
	previous *store.Row // what the indexes hold of it before the change
}

var _ store.Store = (*Store)(nil)

// errClosed is a programming error of the caller, so it has no exported name.
var errClosed = errors.New("store is closed")

// New returns an empty store.
func New(clock seam.Clock, opts Options) *Store {
	return &Store{
		clock: clock, lag: opts.IndexLag,
		partitions: map[string]*table{},
		indexes:    map[store.IndexName]*index{store.Index1: newIndex(store.Index1), store.Index2: newIndex(store.Index2)},
	}
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key store.Key) (store.Row, error) {
	if err := store.CheckKey(key); err != nil {
		return store.Row{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Row{}, fmt.Errorf("getting %s: %w", key, err)
	}
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.Row{}, errClosed
	}
	row := s.live(key, now)
	if row == nil {
		return store.Row{}, store.ErrNotFound
	}
	return clone(row), nil
}

// Transact implements store.Store. The same instant's transactions take effect one after the other, so none is ever
// refused because of a concurrent one.
func (s *Store) Transact(ctx context.Context, writes []store.Write) error {
	if err := store.CheckWrites(writes); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("writing %d rows: %w", len(writes), err)
	}
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	versions := make([]uint64, len(writes))
	var conflict *store.ConflictError
	for i, w := range writes {
		if row := s.live(w.Row.Key, now); row != nil {
			versions[i] = row.Version
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
		switch w.Op {
		case store.OpPut:
			row := clone(&w.Row)
			row.Version = versions[i] + 1
			if !row.Expires.IsZero() {
				row.Expires = time.Unix(row.Expires.Unix(), 0).UTC()
			}
			s.write(now, w.Row.Key, &row)
		case store.OpDelete:
			s.write(now, w.Row.Key, nil)
		case store.OpCheck:
		default: // CheckWrites has refused it
		}
	}
	s.catchUp(now)
	return nil
}

// Query implements store.Store.
func (s *Store) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := store.CheckQuery(q); err != nil {
		return store.Page{}, err
	}
	return s.page(ctx, q, false, func(time.Time) *table { return s.partitions[q.Partition] })
}

// Index implements store.Store.
func (s *Store) Index(ctx context.Context, name store.IndexName, q store.Query) (store.Page, error) {
	if err := store.CheckQuery(q); err != nil {
		return store.Page{}, err
	}
	index, ok := s.indexes[name]
	if !ok {
		return store.Page{}, fmt.Errorf("%w: no index %d", store.ErrInvalid, name)
	}
	page, err := s.page(ctx, q, true, func(now time.Time) *table {
		s.catchUp(now)
		return index.partitions[q.Partition]
	})
	if q.Keys {
		page = store.Bare(page, name)
	}
	return page, err
}

// page reads one page of the table that choose returns, which is called under the lock.
func (s *Store) page(ctx context.Context, q store.Query, indexed bool, choose func(now time.Time) *table) (store.Page, error) {
	after, err := q.After(indexed)
	if err != nil {
		return store.Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Page{}, fmt.Errorf("querying partition %s: %w", q.Partition, err)
	}
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.Page{}, errClosed
	}
	return choose(now).page(q, after, now.Unix()), nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// stored returns the row as it is held, expired or not; nil if there is none.
func (s *Store) stored(key store.Key) *store.Row {
	return s.partitions[key.Partition].find(store.Position{Key: key})
}

func (s *Store) live(key store.Key, now time.Time) *store.Row {
	row := s.stored(key)
	if row == nil || store.Expired(expires(row), now.Unix()) {
		return nil
	}
	return row
}

// write replaces a row; a nil row deletes it.
func (s *Store) write(now time.Time, key store.Key, row *store.Row) {
	previous := s.stored(key)
	if previous == nil && row == nil {
		return
	}
	set(s.partitions, key.Partition, store.Position{Key: key}, row)
	s.unindexed = append(s.unindexed, change{at: now, key: key, row: row, previous: previous})
}

// catchUp shows the indexes what was written at least the lag ago. Changes are applied in the order of the writes, also
// when a clock has gone backwards.
func (s *Store) catchUp(now time.Time) {
	due := 0
	for due < len(s.unindexed) && now.Sub(s.unindexed[due].at) >= s.lag {
		for _, name := range []store.IndexName{store.Index1, store.Index2} {
			s.indexes[name].apply(s.unindexed[due])
		}
		due++
	}
	s.unindexed = slices.Delete(s.unindexed, 0, due)
}

func expires(row *store.Row) int64 {
	if row.Expires.IsZero() {
		return 0
	}
	return row.Expires.Unix()
}

func clone(row *store.Row) store.Row {
	c := *row
	c.Value = slices.Clone(row.Value)
	return c
}

func compareEntry(e entry, p store.Position) int { return e.at.Compare(p) }
