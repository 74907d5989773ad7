// Package storetest is the suite that every store passes: what a store.Store promises, tried one promise at a time, and
// then all together against a simple model.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Harness is a backend under test.
type Harness struct {
	// Open returns an empty store, which the suite closes.
	Open func(t *testing.T) store.Store
	// Advance moves the clock that the store reads; the suite starts at a whole second.
	Advance func(d time.Duration)
	// Now reads that clock.
	Now func() time.Time
	// Settle makes the indexes show what was written; nil when they always do.
	Settle func()
}

func (h Harness) settle() {
	if h.Settle != nil {
		h.Settle()
	}
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, group := range []struct {
		name string
		test func(*testing.T, Harness)
	}{
		{"rows", testRows},
		{"conditions", testConditions},
		{"transactions", testTransactions},
		{"limits", testLimits},
		{"queries", testQueries},
		{"pages", testPages},
		{"indexes", testIndexes},
		{"expiry", testExpiry},
		{"concurrent writers", testConcurrentWriters},
		{"contexts", testContexts},
		{"model", testModel},
	} {
		t.Run(group.name, func(t *testing.T) { group.test(t, h) })
	}
}

func (h Harness) open(t *testing.T) store.Store {
	t.Helper()
	s := h.Open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// rowEqual treats no value and an empty value as the same, as backends do.
func rowEqual() cmp.Option { return cmpopts.EquateEmpty() }

func key(partition, sort string) store.Key { return store.Key{Partition: partition, Sort: sort} }

func row(partition, sort, value string) store.Row {
	return store.Row{Key: key(partition, sort), Value: []byte(value)}
}

func must(t *testing.T, s store.Store, writes ...store.Write) {
	t.Helper()
	if err := s.Transact(t.Context(), writes); err != nil {
		t.Fatalf("Transact: %v", err)
	}
}

func put(t *testing.T, s store.Store, rows ...store.Row) {
	t.Helper()
	for _, r := range rows {
		must(t, s, store.Put(r, store.Any()))
	}
}

// version returns the version of a row, 0 if there is none.
func version(t *testing.T, s store.Store, k store.Key) uint64 {
	t.Helper()
	r, err := s.Get(t.Context(), k)
	if errors.Is(err, store.ErrNotFound) {
		return 0
	}
	if err != nil {
		t.Fatalf("Get(%s): %v", k, err)
	}
	return r.Version
}

func wantRow(t *testing.T, s store.Store, want store.Row) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Key)
	if err != nil {
		t.Fatalf("Get(%s): %v", want.Key, err)
	}
	if diff := cmp.Diff(want, got, rowEqual()); diff != "" {
		t.Errorf("Get(%s) (-want +got):\n%s", want.Key, diff)
	}
}

func wantInvalid(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrInvalid) {
		t.Errorf("error = %v, want store.ErrInvalid", err)
	}
}

func wantConflict(t *testing.T, err error, failed ...int) {
	t.Helper()
	var conflict *store.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("error = %v, want a *store.ConflictError", err)
	}
	if diff := cmp.Diff(failed, conflict.Failed); diff != "" {
		t.Errorf("Failed (-want +got):\n%s", diff)
	}
}

// reader is Query, or Index with its name given.
type reader func(ctx context.Context, q store.Query) (store.Page, error)

func index(s store.Store, name store.IndexName) reader {
	return func(ctx context.Context, q store.Query) (store.Page, error) { return s.Index(ctx, name, q) }
}

// all follows a query to its last page.
func all(ctx context.Context, read reader, q store.Query) ([]store.Row, error) {
	var rows []store.Row
	for range 10_000 { // far more pages than any test has
		page, err := read(ctx, q)
		if err != nil {
			return nil, err
		}
		if q.Limit > 0 && len(page.Rows) > q.Limit {
			return nil, fmt.Errorf("page of %d rows, over the limit of %d", len(page.Rows), q.Limit)
		}
		rows = append(rows, page.Rows...)
		if page.Next == "" {
			return rows, nil
		}
		q.Cursor = page.Next
	}
	return nil, errors.New("pages never end")
}

func sorts(rows []store.Row) []string {
	names := make([]string, 0, len(rows))
	for _, r := range rows {
		names = append(names, r.Key.Sort)
	}
	return names
}

func wantSorts(t *testing.T, read reader, q store.Query, want ...string) {
	t.Helper()
	rows, err := all(t.Context(), read, q)
	if err != nil {
		t.Fatalf("reading %+v: %v", q, err)
	}
	if diff := cmp.Diff(want, sorts(rows), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("rows of %+v (-want +got):\n%s", q, diff)
	}
}
