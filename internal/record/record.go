// Package record keeps the typed rows of the fleet in a store: their keys, their encoding, and which rows change together.
//
// Three patterns recur. A row's *base* is the truth about one thing. An *entry* is the small copy of a base that a decision
// reads; it lives in the partition of its shape (or repository) and is written in the base's own transaction, so the two
// never differ. Every row that needs a look later names the time in the *due* index; nothing depends on a timer in memory.
package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Records reads and writes typed rows.
type Records struct {
	store   store.Store
	changes atomic.Uint64
	onDue   atomic.Pointer[func(time.Time)]
}

// OnDue has f told of every row that is written with a time at which it must be looked at: of several in one transaction, the
// first such time. There is one such f.
func (r *Records) OnDue(f func(time.Time)) { r.onDue.Store(&f) }

// tellDue tells of the first time at which something that was written is due.
func (r *Records) tellDue(writes []store.Write) {
	told, first := r.onDue.Load(), ""
	if told == nil {
		return
	}
	for _, w := range writes {
		if at := w.Row.Index1.Sort; at != "" && (first == "" || at < first) {
			first = at
		}
	}
	if at, err := (Due{At: first}).Time(); first != "" && err == nil {
		(*told)(at)
	}
}

// Changes counts the transactions that were made through these records: while it stands still, nothing that this process
// wrote has changed. Other processes write as well.
func (r *Records) Changes() uint64 { return r.changes.Load() }

// New returns the records of a store.
func New(s store.Store) *Records { return &Records{store: s} }

// Kept is a row's value with the version at which it was read; Version 0 means that there is no such row.
type Kept[T any] struct {
	V       T
	Version uint64
}

// Exists says whether the row was found.
func (k Kept[T]) Exists() bool { return k.Version != 0 }

// Commit makes all writes or none. It returns a conflict as the store does (store.IsConflict), and ErrLeaseLost if the
// context is fenced and the lease has changed hands.
func (r *Records) Commit(ctx context.Context, writes ...[]store.Write) error {
	return r.commit(ctx, r.store.Transact, writes)
}

func (r *Records) commit(ctx context.Context, transact func(context.Context, []store.Write) error, writes [][]store.Write) error {
	var all []store.Write
	for _, w := range writes {
		all = append(all, w...)
	}
	if len(all) == 0 {
		return nil
	}
	whole := fenced(ctx, all)
	if err := transact(ctx, whole); err != nil {
		return fmt.Errorf("writing %s: %w", all[0].Row.Key, fenceError(err, all, whole))
	}
	r.changes.Add(1)
	r.tellDue(all)
	return nil
}

func get[T any](ctx context.Context, r *Records, key store.Key) (Kept[T], error) {
	return getAgain(ctx, r, key, Kept[T]{})
}

func getAgain[T any](ctx context.Context, r *Records, key store.Key, before Kept[T]) (Kept[T], error) {
	row, err := r.store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return Kept[T]{}, nil
	}
	if err != nil {
		return Kept[T]{}, fmt.Errorf("reading %s: %w", key, err)
	}
	if before.Exists() && before.Version == row.Version {
		return before, nil
	}
	return decode[T](row)
}

func decode[T any](row store.Row) (Kept[T], error) {
	k := Kept[T]{Version: row.Version}
	if err := json.Unmarshal(row.Value, &k.V); err != nil {
		return Kept[T]{}, fmt.Errorf("decoding row %s: %w", row.Key, err)
	}
	return k, nil
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // rows are plain data
		panic("record: " + err.Error())
	}
	return b
}

// all reads a whole partition's prefix, page by page.
func all[T any](ctx context.Context, r *Records, partition, prefix string) ([]T, error) {
	var out []T
	q := store.Query{Partition: partition, Prefix: prefix}
	for {
		page, err := r.store.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("querying %s %s*: %w", partition, prefix, err)
		}
		for _, row := range page.Rows {
			k, err := decode[T](row)
			if err != nil {
				return nil, err
			}
			out = append(out, k.V)
		}
		if page.Next == "" {
			return out, nil
		}
		q.Cursor = page.Next
	}
}

// sortTime is a time as part of a sort key: fixed width, so that the order of strings is that of times.
func sortTime(t time.Time) string { return t.UTC().Format(sortTimeForm) }

const sortTimeForm = "20060102T150405.000Z"

// dueShards spreads the due index, whose partitions every due row passes through.
const dueShards = 2

// due returns the key in the due index, or none for a zero time.
func due(t time.Time, key store.Key) store.Key {
	if t.IsZero() {
		return store.Key{}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key.Partition))
	return store.Key{Partition: duePartition(int(h.Sum32() % dueShards)), Sort: sortTime(t) + "#" + key.Partition}
}

func duePartition(shard int) string { return fmt.Sprintf("due/%d", shard) }
