package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

func testRows(t *testing.T, h Harness) {
	t.Run("an absent row is ErrNotFound", func(t *testing.T) {
		s := h.open(t)
		if _, err := s.Get(t.Context(), key("p", "s")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
	})
	t.Run("what was put is read back at once, with every field", func(t *testing.T) {
		s := h.open(t)
		want := store.Row{
			Key: key("jobs", "17"), Value: []byte("queued"), Index1: key("by-state", "queued/17"), Index2: key("by-age", "2026"),
			Expires: h.Now().Add(time.Hour).Truncate(time.Second), Version: 99,
		}
		put(t, s, want)
		want.Version = 1 // the given one is ignored
		wantRow(t, s, want)
	})
	t.Run("values are any bytes", func(t *testing.T) {
		s := h.open(t)
		every := make([]byte, 512)
		for i := range every {
			every[i] = byte(i)
		}
		for name, value := range map[string][]byte{"every": every, "zero": {0}, "empty": {}, "nil": nil} {
			want := store.Row{Key: key("p", name), Value: value, Version: 1}
			put(t, s, want)
			wantRow(t, s, want)
		}
	})
	t.Run("keys are case-sensitive, and may hold any UTF-8", func(t *testing.T) {
		s := h.open(t)
		for i, name := range []string{"a", "A", "é", "a\x00b", "a'b", "a%", "a_", "日本", "/"} {
			r := row(name, name, fmt.Sprint(i))
			put(t, s, r)
			r.Version = 1
			wantRow(t, s, r)
		}
	})
	t.Run("a put replaces the whole row", func(t *testing.T) {
		s := h.open(t)
		put(t, s, store.Row{Key: key("p", "s"), Value: []byte("long value"), Index1: key("i", "1"), Expires: h.Now().Add(1e9 * 60)})
		put(t, s, row("p", "s", "v"))
		wantRow(t, s, store.Row{Key: key("p", "s"), Value: []byte("v"), Version: 2})
	})
	t.Run("the version counts writes and restarts after a delete", func(t *testing.T) {
		s := h.open(t)
		for want := uint64(1); want <= 3; want++ {
			put(t, s, row("p", "s", "v"))
			if got := version(t, s, key("p", "s")); got != want {
				t.Errorf("version = %d, want %d", got, want)
			}
		}
		must(t, s, store.Delete(key("p", "s"), store.Present()))
		if got := version(t, s, key("p", "s")); got != 0 {
			t.Errorf("version after delete = %d, want no row", got)
		}
		put(t, s, row("p", "s", "v"))
		if got := version(t, s, key("p", "s")); got != 1 {
			t.Errorf("version of the new row = %d, want 1", got)
		}
	})
	t.Run("a caller may reuse what it gave and change what it got", func(t *testing.T) {
		s := h.open(t)
		value := []byte("value")
		put(t, s, store.Row{Key: key("p", "s"), Value: value})
		copy(value, "xxxxx")
		got, err := s.Get(t.Context(), key("p", "s"))
		if err != nil {
			t.Fatal(err)
		}
		copy(got.Value, "yyyyy")
		wantRow(t, s, store.Row{Key: key("p", "s"), Value: []byte("value"), Version: 1})
	})
}

func testConditions(t *testing.T, h Harness) {
	conditions := []struct {
		name      string
		condition store.Condition
		absent    bool // whether it holds without a row
		second    bool // whether it holds for a row of version 2
	}{
		{"Any", store.Any(), true, true},
		{"Absent", store.Absent(), true, false},
		{"Present", store.Present(), false, true},
		{"At(0)", store.At(0), true, false},
		{"At(1)", store.At(1), false, false},
		{"At(2)", store.At(2), false, true},
		{"At(3)", store.At(3), false, false},
	}
	operations := map[string]func(store.Key, store.Condition) store.Write{
		"put": func(k store.Key, c store.Condition) store.Write {
			return store.Put(store.Row{Key: k, Value: []byte("new")}, c)
		},
		"delete": store.Delete,
		"check":  store.Check,
	}
	for operation, write := range operations {
		for _, c := range conditions {
			if operation == "check" && c.name == "Any" {
				continue // refused; see the limits
			}
			t.Run(operation+" if "+c.name, func(t *testing.T) {
				s := h.open(t)
				put(t, s, row("p", "second", "1"), row("p", "second", "2"))
				for sort, holds := range map[string]bool{"none": c.absent, "second": c.second} {
					before := version(t, s, key("p", sort))
					err := s.Transact(t.Context(), []store.Write{write(key("p", sort), c.condition)})
					want := before
					if holds {
						if err != nil {
							t.Errorf("%s: %v", sort, err)
						}
						want = map[string]uint64{"put": before + 1, "delete": 0, "check": before}[operation]
					} else {
						wantConflict(t, err, 0)
					}
					if got := version(t, s, key("p", sort)); got != want {
						t.Errorf("%s: version = %d, want %d", sort, got, want)
					}
				}
			})
		}
	}
}

func testTransactions(t *testing.T, h Harness) {
	t.Run("all writes are made together", func(t *testing.T) {
		s := h.open(t)
		put(t, s, row("b", "1", "old"), row("c", "1", "checked"))
		must(t, s, store.Put(row("a", "1", "new"), store.Absent()), store.Delete(key("b", "1"), store.At(1)),
			store.Check(key("c", "1"), store.At(1)))
		got := []uint64{version(t, s, key("a", "1")), version(t, s, key("b", "1")), version(t, s, key("c", "1"))}
		if diff := cmp.Diff([]uint64{1, 0, 1}, got); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
	})
	t.Run("one refused write refuses all, and the error names each that was refused", func(t *testing.T) {
		s := h.open(t)
		put(t, s, row("a", "1", "old"), row("b", "1", "old"))
		err := s.Transact(t.Context(), []store.Write{
			store.Put(row("a", "1", "new"), store.Any()), store.Delete(key("b", "1"), store.At(7)),
			store.Put(row("c", "1", "new"), store.Absent()), store.Check(key("d", "1"), store.Present()),
		})
		wantConflict(t, err, 1, 3)
		var conflict *store.ConflictError
		if errors.As(err, &conflict) && conflict.Key != key("b", "1") {
			t.Errorf("Key = %s, want that of the first refused write", conflict.Key)
		}
		wantRow(t, s, store.Row{Key: key("a", "1"), Value: []byte("old"), Version: 1})
		wantRow(t, s, store.Row{Key: key("b", "1"), Value: []byte("old"), Version: 1})
		if got := version(t, s, key("c", "1")); got != 0 {
			t.Errorf("c has version %d, want no row", got)
		}
	})
	t.Run("100 writes are made, or none of them", func(t *testing.T) {
		s := h.open(t)
		writes := make([]store.Write, store.MaxTransaction)
		for i := range writes {
			writes[i] = store.Put(row("p", fmt.Sprintf("%03d", i), "v"), store.Absent())
		}
		put(t, s, row("p", "099", "in the way"))
		wantConflict(t, s.Transact(t.Context(), writes), 99)
		wantSorts(t, s.Query, store.Query{Partition: "p"}, "099")
		must(t, s, store.Delete(key("p", "099"), store.Any()))
		must(t, s, writes...)
		rows, err := all(t.Context(), s.Query, store.Query{Partition: "p"})
		if err != nil || len(rows) != store.MaxTransaction {
			t.Errorf("%d rows, %v; want %d", len(rows), err, store.MaxTransaction)
		}
	})
}

func testLimits(t *testing.T, h Harness) {
	big := strings.Repeat("x", store.MaxRowBytes)
	many := make([]store.Write, store.MaxTransaction+1)
	for i := range many {
		many[i] = store.Put(row("p", fmt.Sprint(i), "v"), store.Any())
	}
	heavy := make([]store.Write, 11)
	for i := range heavy {
		heavy[i] = store.Put(row("p", fmt.Sprint(i), big[:380_000]), store.Any())
	}
	one := func(r store.Row) []store.Write { return []store.Write{store.Put(r, store.Any())} }
	for name, writes := range map[string][]store.Write{
		"no write":                {},
		"101 writes":              many,
		"over 4 MB":               heavy,
		"a key twice":             {store.Put(row("p", "s", "1"), store.Any()), store.Check(key("p", "s"), store.Absent())},
		"an empty partition":      one(row("", "s", "v")),
		"an empty sort key":       one(row("p", "", "v")),
		"a long partition":        one(row(big[:store.MaxKeyBytes+1], "s", "v")),
		"a long sort key":         one(row("p", big[:store.MaxSortBytes+1], "v")),
		"a key that is not UTF-8": one(row("p", "\xff", "v")),
		// failure mode C9
		"half an index key":                                one(store.Row{Key: key("p", "s"), Index1: key("i", "")}),
		"half of the second index key":                     one(store.Row{Key: key("p", "s"), Index2: key("", "i")}),
		"an index key that is too long with the row's key": one(store.Row{Key: key("p", "s"), Index1: key("i", big[:store.MaxSortBytes-5])}),
		"a long partition of an index":                     one(store.Row{Key: key("p", "s"), Index2: key(big[:store.MaxKeyBytes+1], "i")}),
		"an expiry before 1970":                            one(store.Row{Key: key("p", "s"), Expires: time.Unix(-1, 0)}),
		"a row over 400 KB":                                one(row("p", "s", big)),
		"a check without a condition":                      {store.Check(key("p", "s"), store.Any())},
		"an unknown kind of write":                         {{Op: store.Op(9), Row: row("p", "s", "v")}},
		"a delete with an empty key":                       {store.Delete(key("p", ""), store.Any())},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			s := h.open(t)
			wantInvalid(t, s.Transact(t.Context(), writes))
			wantSorts(t, s.Query, store.Query{Partition: "p"})
		})
	}
	t.Run("the largest keys and row are taken", func(t *testing.T) {
		s := h.open(t)
		r := row(big[:store.MaxKeyBytes], big[:store.MaxSortBytes], big[:store.MaxRowBytes-store.MaxKeyBytes-store.MaxSortBytes])
		put(t, s, r)
		r.Version = 1
		wantRow(t, s, r)
	})
	t.Run("the largest index keys are taken", func(t *testing.T) {
		s := h.open(t)
		index := key(big[:store.MaxKeyBytes], big[:store.MaxSortBytes-6]) // the row's key, and what keeps them apart
		r := store.Row{Key: key("p", "s"), Value: []byte("v"), Index1: index, Index2: index}
		put(t, s, r)
		r.Version = 1
		wantRow(t, s, r)
		h.settle()
		wantSorts(t, func(ctx context.Context, q store.Query) (store.Page, error) { return s.Index(ctx, store.Index1, q) }, store.Query{Partition: index.Partition}, "s")
	})
	t.Run("reads with a bad key, limit, index or cursor are refused", func(t *testing.T) {
		s := h.open(t)
		_, err := s.Get(t.Context(), key("p", ""))
		wantInvalid(t, err)
		_, err = s.Query(t.Context(), store.Query{})
		wantInvalid(t, err)
		_, err = s.Query(t.Context(), store.Query{Partition: "p", Limit: -1})
		wantInvalid(t, err)
		for _, q := range []store.Query{
			{Partition: "\xff"},
			{Partition: big[:store.MaxKeyBytes+1]},
			{Partition: "p", Prefix: "\xff"},
			{Partition: "p", From: "a\xc3"},
			{Partition: "p", To: big[:store.MaxSortBytes+1]},
		} {
			_, err = s.Query(t.Context(), q)
			wantInvalid(t, err)
			_, err = s.Index(t.Context(), store.Index2, q)
			wantInvalid(t, err)
		}
		_, err = s.Query(t.Context(), store.Query{Partition: "p", Cursor: "not a cursor"})
		wantInvalid(t, err)
		_, err = s.Index(t.Context(), store.IndexName(3), store.Query{Partition: "p"})
		wantInvalid(t, err)
		_, err = s.Index(t.Context(), store.Index1, store.Query{Partition: "p", Cursor: "!"})
		wantInvalid(t, err)
	})
}

func testConcurrentWriters(t *testing.T, h Harness) {
	// failure mode E9
	t.Run("exactly one of several conditional writers wins each version", func(t *testing.T) {
		s := h.open(t)
		const writers, rounds = 8, 10
		for round := range uint64(rounds) {
			var wg sync.WaitGroup
			errs := make([]error, writers)
			for i := range writers {
				wg.Go(func() {
					errs[i] = s.Transact(t.Context(), []store.Write{store.Put(row("p", "s", fmt.Sprint(i)), store.At(round))})
				})
			}
			wg.Wait()
			won := 0
			for _, err := range errs {
				switch {
				case err == nil:
					won++
				case !store.IsConflict(err):
					t.Errorf("error = %v, want a conflict", err)
				}
			}
			if won != 1 {
				t.Fatalf("round %d: %d writers won", round, won)
			}
		}
	})
	t.Run("transactions over several rows never mix", func(t *testing.T) {
		s := h.open(t)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				value := fmt.Sprint(i)
				for range 10 {
					err := s.Transact(t.Context(), []store.Write{
						store.Put(row("p", "1", value), store.Any()), store.Put(row("p", "2", value), store.Any()),
					})
					if err != nil && !store.IsConflict(err) {
						t.Errorf("Transact: %v", err)
					}
					page, err := s.Query(t.Context(), store.Query{Partition: "p"})
					if err != nil {
						t.Errorf("Query: %v", err)
						return
					}
					if len(page.Rows) == 2 && !bytes.Equal(page.Rows[0].Value, page.Rows[1].Value) {
						t.Errorf("read %q and %q of one transaction", page.Rows[0].Value, page.Rows[1].Value)
					}
				}
			})
		}
		wg.Wait()
	})
}

func testContexts(t *testing.T, h Harness) {
	s := h.open(t)
	put(t, s, row("p", "s", "v"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"Get":      func() error { _, err := s.Get(ctx, key("p", "s")); return err },
		"Query":    func() error { _, err := s.Query(ctx, store.Query{Partition: "p"}); return err },
		"Index":    func() error { _, err := s.Index(ctx, store.Index1, store.Query{Partition: "p"}); return err },
		"Transact": func() error { return s.Transact(ctx, []store.Write{store.Put(row("p", "s", "new"), store.Any())}) },
	} {
		t.Run(name+" with a cancelled context", func(t *testing.T) {
			if err := call(); !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v, want context.Canceled", err)
			}
		})
	}
	wantRow(t, s, store.Row{Key: key("p", "s"), Value: []byte("v"), Version: 1})
}
