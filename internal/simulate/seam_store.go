package simulate

import (
	"context"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// storeSeam is the store as one life of a replica reaches it.
type storeSeam struct {
	w *World
	d *domain
}

var _ store.Store = storeSeam{}

// What the store takes for a call.
const (
	storeLeast    = 200 * time.Microsecond
	storeMost     = 5 * time.Millisecond
	storeSlowMost = 8 * time.Second
)

// call parks until the store is asked, and says whether it can be reached.
func (s storeSeam) call(ctx context.Context, key string) error {
	wait := s.w.fate.between(storeLeast, storeMost)
	if s.w.strikes(StoreSlow) {
		wait = s.w.fate.between(storeMost, storeSlowMost)
	}
	down := s.w.strikes(StoreDown)
	s.w.s.park(ctx, s.d, key, s.w.s.now.Add(wait))
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if down {
		return fmt.Errorf("%s: %w", key, errCut)
	}
	return nil
}

// Get implements store.Store.
func (s storeSeam) Get(ctx context.Context, key store.Key) (store.Row, error) {
	if err := s.call(ctx, "get "+key.String()); err != nil {
		return store.Row{}, err
	}
	return s.reach(ctx).Get(ctx, key)
}

// Query implements store.Store.
func (s storeSeam) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := s.call(ctx, "query "+q.Partition+" "+q.Prefix); err != nil {
		return store.Page{}, err
	}
	return s.reach(ctx).Query(ctx, q)
}

// indexParks is how often a read of an index is a step of its own. An index is only a hint, and the sweeps read them so often
// that most of a run would go there; a domain that is dead or paused does not come here, since its clock does not return.
const indexParks = 0.125

// Index implements store.Store.
func (s storeSeam) Index(ctx context.Context, name store.IndexName, q store.Query) (store.Page, error) {
	if s.w.fate.chance(indexParks) {
		if err := s.call(ctx, "index "+q.Partition); err != nil {
			return store.Page{}, err
		}
	}
	return s.reach(ctx).Index(ctx, name, q)
}

// Transact implements store.Store.
func (s storeSeam) Transact(ctx context.Context, writes []store.Write) error {
	return s.transact(ctx, writes, s.reach(ctx).Transact)
}

func (s storeSeam) transact(ctx context.Context, writes []store.Write, do func(context.Context, []store.Write) error) error {
	key := "transact"
	if len(writes) > 0 {
		key += " " + writes[0].Row.Key.String()
	}
	conflict, lost := s.w.strikes(StoreConflict), s.w.strikes(StoreTimeout)
	if err := s.call(ctx, key); err != nil {
		return err
	}
	if conflict {
		return &store.ConflictError{}
	}
	if err := do(ctx, writes); err != nil {
		return err
	}
	if s.w.cfg.Forecast == nil { // see promisedAlways
		s.w.check.wrote(s.d, writes)
	}
	if lost {
		return fmt.Errorf("%s: %w", key, errCut)
	}
	return nil
}

// Close implements store.Store.
func (storeSeam) Close() error { return nil }
