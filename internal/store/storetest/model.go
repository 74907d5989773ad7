package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// model is the store as a map: slow, and obviously right.
type model struct {
	rows map[store.Key]store.Row
	now  func() time.Time
}

func (m model) get(k store.Key) (store.Row, bool) {
	r, ok := m.rows[k]
	if ok && !r.Expires.IsZero() && !r.Expires.After(m.now()) {
		return store.Row{}, false
	}
	return r, ok
}

// transact returns the indices of the writes whose condition does not hold.
func (m model) transact(writes []store.Write) []int {
	var failed []int
	for i, w := range writes {
		r, _ := m.get(w.Row.Key)
		if !w.If.Holds(r.Version) {
			failed = append(failed, i)
		}
	}
	if failed != nil {
		return failed
	}
	for _, w := range writes {
		r, _ := m.get(w.Row.Key)
		switch w.Op {
		case store.OpPut:
			version := r.Version + 1
			r = w.Row
			r.Version = version
			m.rows[r.Key] = r
		case store.OpDelete:
			delete(m.rows, w.Row.Key)
		default:
		}
	}
	return nil
}

func (m model) query(q store.Query, keyOf func(store.Row) store.Key) []store.Row {
	var rows []store.Row
	for k := range m.rows {
		r, ok := m.get(k)
		by := keyOf(r)
		if !ok || by.Partition != q.Partition || !strings.HasPrefix(by.Sort, q.Prefix) || by.Sort < q.From || q.To != "" && by.Sort >= q.To {
			continue
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b store.Row) int {
		order := store.Position{Index: keyOf(a).Sort, Key: a.Key}.Compare(store.Position{Index: keyOf(b).Sort, Key: b.Key})
		if q.Descending {
			return -order
		}
		return order
	})
	return rows
}

// testModel compares the store with the model over random histories. All histories share one store, each in partitions of
// its own, since opening one can be slow.
func testModel(t *testing.T, h Harness) {
	s := h.open(t)
	history := 0
	rapid.Check(t, func(rt *rapid.T) {
		history++
		g := generator{t: rt, h: h, space: fmt.Sprintf("history %d ", history)}
		m := model{rows: map[store.Key]store.Row{}, now: h.Now}
		rt.Repeat(map[string]func(*rapid.T){
			"transact": func(rt *rapid.T) { compareTransact(t.Context(), rt, s, m, g.writes()) },
			"wait":     func(rt *rapid.T) { h.Advance(time.Duration(rapid.IntRange(1, 4).Draw(rt, "seconds")) * time.Second) },
			"get":      func(rt *rapid.T) { compareGet(t.Context(), rt, s, m, g.key()) },
			"query": func(rt *rapid.T) {
				q := g.query("")
				compareRows(t.Context(), rt, s.Query, q, m.query(q, func(r store.Row) store.Key { return r.Key }))
			},
			"index": func(rt *rapid.T) {
				h.settle()
				q := g.query("index ")
				compareRows(t.Context(), rt, index(s, store.Index1), q, m.query(q, func(r store.Row) store.Key { return r.Index1 }))
				compareRows(t.Context(), rt, index(s, store.Index2), q, m.query(q, func(r store.Row) store.Key { return r.Index2 }))
			},
		})
	})
}

func compareTransact(ctx context.Context, t *rapid.T, s store.Store, m model, writes []store.Write) {
	for i, w := range writes {
		_, stored := m.rows[w.Row.Key]
		if _, live := m.get(w.Row.Key); stored && !live && w.If == store.Any() {
			writes[i].If = store.Absent() // whether the version goes on under Any is left to the backend
		}
	}
	err := s.Transact(ctx, writes)
	var conflict *store.ConflictError
	if err != nil && !errors.As(err, &conflict) {
		t.Fatalf("Transact(%+v): %v", writes, err)
	}
	var failed []int
	if conflict != nil {
		failed = conflict.Failed
	}
	if diff := cmp.Diff(m.transact(writes), failed); diff != "" {
		t.Fatalf("refused writes of %+v (-want +got):\n%s", writes, diff)
	}
}

func compareGet(ctx context.Context, t *rapid.T, s store.Store, m model, k store.Key) {
	got, err := s.Get(ctx, k)
	want, ok := m.get(k)
	if ok == errors.Is(err, store.ErrNotFound) {
		t.Fatalf("Get(%s) = %v, want a row: %t", k, err, ok)
	}
	if diff := cmp.Diff(want, got, rowEqual()); diff != "" {
		t.Fatalf("Get(%s) (-want +got):\n%s", k, diff)
	}
}

func compareRows(ctx context.Context, t *rapid.T, read reader, q store.Query, want []store.Row) {
	got, err := all(ctx, read, q)
	if err != nil {
		t.Fatalf("reading %+v: %v", q, err)
	}
	if diff := cmp.Diff(want, got, rowEqual()); diff != "" {
		t.Fatalf("rows of %+v (-want +got):\n%s", q, diff)
	}
}

// generator draws from so few keys that operations meet.
type generator struct {
	t     *rapid.T
	h     Harness
	space string
}

func (g generator) sort() string {
	return rapid.StringOfN(rapid.SampledFrom([]rune("ab/é")), 1, 3, -1).Draw(g.t, "sort")
}

func (g generator) partition(kind string) string {
	return g.space + kind + rapid.SampledFrom([]string{"x", "y"}).Draw(g.t, "partition")
}

func (g generator) key() store.Key { return key(g.partition(""), g.sort()) }

func (g generator) indexKey() store.Key {
	if rapid.Bool().Draw(g.t, "not in the index") {
		return store.Key{}
	}
	return key(g.partition("index "), g.sort())
}

func (g generator) condition() store.Condition {
	switch rapid.IntRange(0, 5).Draw(g.t, "condition") {
	case 0:
		return store.Absent()
	case 1:
		return store.Present()
	case 2:
		return store.At(rapid.Uint64Range(0, 3).Draw(g.t, "version"))
	default:
		return store.Any()
	}
}

func (g generator) writes() []store.Write {
	var writes []store.Write
	used := map[store.Key]bool{}
	for range rapid.IntRange(1, 4).Draw(g.t, "writes") {
		k := g.key()
		if used[k] {
			continue
		}
		used[k] = true
		writes = append(writes, g.write(k))
	}
	return writes
}

func (g generator) write(k store.Key) store.Write {
	switch rapid.IntRange(0, 5).Draw(g.t, "kind") {
	case 0:
		return store.Delete(k, g.condition())
	case 1:
		if c := g.condition(); c != store.Any() {
			return store.Check(k, c)
		}
		return store.Check(k, store.Absent())
	}
	r := store.Row{Key: k, Index1: g.indexKey(), Index2: g.indexKey(), Value: rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(g.t, "value")}
	if seconds := rapid.IntRange(0, 6).Draw(g.t, "lifetime"); seconds > 3 {
		r.Expires = g.h.Now().Truncate(time.Second).Add(time.Duration(seconds) * time.Second)
	}
	return store.Put(r, g.condition())
}

func (g generator) query(kind string) store.Query {
	q := store.Query{
		Partition: g.partition(kind), Limit: rapid.IntRange(0, 3).Draw(g.t, "limit"), Descending: rapid.Bool().Draw(g.t, "descending"),
	}
	bound := func(name string) string {
		if rapid.IntRange(0, 2).Draw(g.t, "with "+name) > 0 {
			return ""
		}
		return g.sort()
	}
	q.Prefix, q.From, q.To = bound("prefix"), bound("from"), bound("to")
	return q
}
