package main

import (
	"context"
	"sync/atomic"

	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

// countedStore counts the rows that are read: unlike a time, that does not depend on what else the machine does.
type countedStore struct {
	*sqlite.Store

	rows atomic.Int64
}

// Get implements store.Store.
func (s *countedStore) Get(ctx context.Context, key store.Key) (store.Row, error) {
	s.rows.Add(1)
	return s.Store.Get(ctx, key)
}

// Query implements store.Store.
func (s *countedStore) Query(ctx context.Context, q store.Query) (store.Page, error) {
	page, err := s.Store.Query(ctx, q)
	s.rows.Add(int64(len(page.Rows)))
	return page, err
}

// Index implements store.Store.
func (s *countedStore) Index(ctx context.Context, name store.IndexName, q store.Query) (store.Page, error) {
	page, err := s.Store.Index(ctx, name, q)
	s.rows.Add(int64(len(page.Rows)))
	return page, err
}
