package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

func testQueries(t *testing.T, h Harness) {
	s := h.open(t)
	for _, sort := range []string{"b/2", "a/1", "b/1", "c", "b", "b/10", "é"} {
		put(t, s, row("p", sort, sort))
	}
	put(t, s, row("q", "b/1", "another partition"), row("pp", "b/1", "another partition"))
	for _, c := range []struct {
		name string
		q    store.Query
		want []string
	}{
		{"a partition by sort key, as bytes", store.Query{}, []string{"a/1", "b", "b/1", "b/10", "b/2", "c", "é"}},
		{"prefix", store.Query{Prefix: "b/"}, []string{"b/1", "b/10", "b/2"}},
		{"prefix without a match", store.Query{Prefix: "bb"}, nil},
		{"prefix of more than ASCII", store.Query{Prefix: "é"}, []string{"é"}},
		{"from is inclusive", store.Query{From: "b/10"}, []string{"b/10", "b/2", "c", "é"}},
		{"to is exclusive", store.Query{To: "b/10"}, []string{"a/1", "b", "b/1"}},
		{"from and to", store.Query{From: "b", To: "c"}, []string{"b", "b/1", "b/10", "b/2"}},
		{"from equal to", store.Query{From: "b", To: "b"}, nil},
		{"from after to", store.Query{From: "c", To: "b"}, nil},
		{"prefix with from and to", store.Query{Prefix: "b/", From: "b/10", To: "b/2"}, []string{"b/10"}},
		{"from before the prefix", store.Query{Prefix: "b/", From: "a"}, []string{"b/1", "b/10", "b/2"}},
		{"to after the prefix", store.Query{Prefix: "b/", To: "z"}, []string{"b/1", "b/10", "b/2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Partition = "p"
			wantSorts(t, s.Query, c.q, c.want...)
			for limit := 1; limit <= 4; limit++ {
				c.q.Limit = limit
				wantSorts(t, s.Query, c.q, c.want...)
			}
			slices.Reverse(c.want)
			c.q.Descending = true
			wantSorts(t, s.Query, c.q, c.want...)
			c.q.Limit = 0
			wantSorts(t, s.Query, c.q, c.want...)
		})
	}
	t.Run("a page of one row may end just below the upper bound", func(t *testing.T) {
		for _, descending := range []bool{false, true} {
			want := []string{"b/1", "b/10"}
			if descending {
				slices.Reverse(want)
			}
			wantSorts(t, s.Query, store.Query{Partition: "p", From: "b/1", To: "b/2", Descending: descending, Limit: 1}, want...)
		}
	})
	t.Run("a cursor outside of the bounds counts as their beginning or their end", func(t *testing.T) {
		at := func(sort string) string { return store.Position{Key: key("p", sort)}.Cursor() }
		q := store.Query{Partition: "p", From: "b", To: "b/2"}
		for _, c := range []struct {
			cursor     string
			descending bool
			want       []string
		}{
			{"a", false, []string{"b", "b/1", "b/10"}},
			{"b/2", false, nil},
			{"z", false, nil},
			{"z", true, []string{"b/10", "b/1", "b"}},
			{"b/2", true, []string{"b/10", "b/1", "b"}},
			{"a", true, nil},
		} {
			q.Cursor, q.Descending = at(c.cursor), c.descending
			wantSorts(t, s.Query, q, c.want...)
		}
	})
	t.Run("a partition without rows", func(t *testing.T) {
		wantSorts(t, s.Query, store.Query{Partition: "none"})
	})
	t.Run("rows have every field", func(t *testing.T) {
		want := store.Row{
			Key: key("full", "1"), Value: []byte{0, 1}, Index1: key("i", "1"), Index2: key("j", "2"),
			Expires: h.Now().Add(time.Hour).Truncate(time.Second), Version: 1,
		}
		put(t, s, want)
		rows, err := all(t.Context(), s.Query, store.Query{Partition: "full"})
		if diff := cmp.Diff([]store.Row{want}, rows, rowEqual()); err != nil || diff != "" {
			t.Errorf("Query (-want +got), %v:\n%s", err, diff)
		}
	})
}

func testPages(t *testing.T, h Harness) {
	// failure mode C11
	t.Run("a page ends at 1 MB, and all rows are read over several", func(t *testing.T) {
		s := h.open(t)
		value := strings.Repeat("x", 300_000)
		var want []string
		for i := range 9 {
			put(t, s, row("p", fmt.Sprint(i), value))
			want = append(want, fmt.Sprint(i))
		}
		page, err := s.Query(t.Context(), store.Query{Partition: "p", Limit: 9})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Rows) >= 9 || page.Next == "" {
			t.Errorf("page of %d rows of 300 KB, Next %q; want fewer rows and more to come", len(page.Rows), page.Next)
		}
		wantSorts(t, s.Query, store.Query{Partition: "p"}, want...)
		slices.Reverse(want)
		wantSorts(t, s.Query, store.Query{Partition: "p", Descending: true}, want...)
	})
	for _, descending := range []bool{false, true} {
		t.Run(fmt.Sprintf("a cursor keeps its place while rows come and go (descending %t)", descending), func(t *testing.T) {
			s := h.open(t)
			for _, sort := range []string{"b", "d", "f", "h"} {
				put(t, s, row("p", sort, "v"))
			}
			q := store.Query{Partition: "p", Limit: 2, Descending: descending}
			page, err := s.Query(t.Context(), q)
			if err != nil || len(page.Rows) != 2 {
				t.Fatalf("first page: %d rows, %v", len(page.Rows), err)
			}
			// The row that the cursor stands on goes; rows on both sides of it come.
			must(t, s, store.Delete(page.Rows[1].Key, store.Present()))
			for _, sort := range []string{"a", "c", "e", "g", "i"} {
				put(t, s, row("p", sort, "v"))
			}
			q.Cursor = page.Next
			want := []string{"e", "f", "g", "h", "i"}
			if descending {
				want = []string{"e", "d", "c", "b", "a"}
			}
			wantSorts(t, s.Query, q, want...)
		})
	}
	t.Run("a cursor of another partition is refused", func(t *testing.T) {
		s := h.open(t)
		put(t, s, row("p", "1", "v"), row("p", "2", "v"))
		page, err := s.Query(t.Context(), store.Query{Partition: "p", Limit: 1})
		if err != nil || page.Next == "" {
			t.Fatalf("Next = %q, %v", page.Next, err)
		}
		_, err = s.Query(t.Context(), store.Query{Partition: "q", Cursor: page.Next})
		wantInvalid(t, err)
	})
}

func testIndexes(t *testing.T, h Harness) {
	keys := map[store.IndexName]func(k store.Key) store.Row{
		store.Index1: func(k store.Key) store.Row { return store.Row{Index1: k, Index2: key("other", "x")} },
		store.Index2: func(k store.Key) store.Row { return store.Row{Index2: k, Index1: key("other", "x")} },
	}
	for name, with := range keys {
		indexed := func(k, indexKey store.Key) store.Row {
			r := with(indexKey)
			r.Key = k
			r.Value = []byte(k.Sort)
			return r
		}
		t.Run(fmt.Sprintf("index %d is ordered by its sort key, then by the row's key", name), func(t *testing.T) {
			s := h.open(t)
			put(t, s, indexed(key("b", "1"), key("i", "same")), indexed(key("a", "3"), key("i", "same")),
				indexed(key("a", "2"), key("i", "same")), indexed(key("z", "0"), key("i", "first")),
				indexed(key("a", "9"), key("i", "zlast")), indexed(key("a", "8"), key("j", "same")), row("a", "7", "not in it"))
			h.settle()
			want := []string{"0", "2", "3", "1", "9"}
			read := index(s, name)
			for limit := range 4 {
				wantSorts(t, read, store.Query{Partition: "i", Limit: limit}, want...)
			}
			wantSorts(t, read, store.Query{Partition: "i", Prefix: "sa", Limit: 1}, "2", "3", "1")
			wantSorts(t, read, store.Query{Partition: "i", From: "same"}, "2", "3", "1", "9")
			wantSorts(t, read, store.Query{Partition: "i", To: "same"}, "0")
			slices.Reverse(want)
			for limit := range 4 {
				wantSorts(t, read, store.Query{Partition: "i", Limit: limit, Descending: true}, want...)
			}
		})
		t.Run(fmt.Sprintf("index %d follows its rows", name), func(t *testing.T) {
			s := h.open(t)
			put(t, s, indexed(key("p", "moves"), key("i", "1")), indexed(key("p", "leaves"), key("i", "2")),
				indexed(key("p", "dies"), key("i", "3")), indexed(key("p", "stays"), key("i", "4")))
			put(t, s, indexed(key("p", "moves"), key("j", "1")), row("p", "leaves", "v"))
			must(t, s, store.Delete(key("p", "dies"), store.Any()))
			h.settle()
			wantSorts(t, index(s, name), store.Query{Partition: "i"}, "stays")
			wantSorts(t, index(s, name), store.Query{Partition: "j"}, "moves")
		})
		t.Run(fmt.Sprintf("index %d keeps its order with rare characters, and pages there", name), func(t *testing.T) {
			s := h.open(t)
			for i, sort := range []string{"a\x01", "a", "a\x00", "a\x02", "a\x01\x01", "\U0010ffff"} {
				put(t, s, indexed(key("p\x00", fmt.Sprint(i)), key("i", sort)))
			}
			h.settle()
			for limit := range 3 {
				wantSorts(t, index(s, name), store.Query{Partition: "i", Limit: limit}, "1", "2", "0", "4", "3", "5")
				wantSorts(t, index(s, name), store.Query{Partition: "i", Limit: limit, Prefix: "a\x01", Descending: true}, "4", "0")
			}
		})
		t.Run(fmt.Sprintf("index %d ends a page at 1 MB", name), func(t *testing.T) {
			s := h.open(t)
			var want []string
			for i := range 6 {
				r := indexed(key("p", fmt.Sprint(i)), key("i", fmt.Sprint(i)))
				r.Value = slices.Repeat([]byte("x"), 300_000)
				put(t, s, r)
				want = append(want, fmt.Sprint(i))
			}
			h.settle()
			page, err := s.Index(t.Context(), name, store.Query{Partition: "i"})
			if err != nil || len(page.Rows) >= 6 || page.Next == "" {
				t.Errorf("page of %d rows of 300 KB, Next %q, %v; want fewer rows and more to come", len(page.Rows), page.Next, err)
			}
			wantSorts(t, index(s, name), store.Query{Partition: "i"}, want...)
		})
		t.Run(fmt.Sprintf("index %d is read whole, however many entries it has", name), func(t *testing.T) {
			s := h.open(t)
			const rows = 1050
			for first := 0; first < rows; first += store.MaxTransaction {
				var writes []store.Write
				for i := first; i < min(rows, first+store.MaxTransaction); i++ {
					writes = append(writes, store.Put(indexed(key("p", fmt.Sprintf("%04d", i)), key("i", fmt.Sprintf("%04d", i))), store.Absent()))
				}
				must(t, s, writes...)
			}
			h.settle()
			got, err := all(t.Context(), index(s, name), store.Query{Partition: "i"})
			if err != nil || len(got) != rows || !slices.IsSortedFunc(got, func(a, b store.Row) int { return strings.Compare(a.Key.Sort, b.Key.Sort) }) {
				t.Errorf("%d rows, %v; want %d in order", len(got), err, rows)
			}
		})
		t.Run(fmt.Sprintf("index %d gives whole rows", name), func(t *testing.T) {
			s := h.open(t)
			want := indexed(key("p", "1"), key("i", "1"))
			put(t, s, want)
			h.settle()
			want.Version = 1
			rows, err := all(t.Context(), index(s, name), store.Query{Partition: "i"})
			if diff := cmp.Diff([]store.Row{want}, rows, rowEqual()); err != nil || diff != "" {
				t.Errorf("Index (-want +got), %v:\n%s", err, diff)
			}
		})
	}
}

func testExpiry(t *testing.T, h Harness) {
	expiring := func(sort string, in time.Duration) store.Row {
		return store.Row{Key: key("p", sort), Value: []byte("v"), Index1: key("i", sort), Index2: key("j", sort), Expires: h.Now().Add(in)}
	}
	t.Run("an expired row is in no read", func(t *testing.T) {
		s := h.open(t)
		put(t, s, expiring("10s", 10*time.Second), expiring("20s", 20*time.Second), row("p", "never", "v"))
		h.settle()
		h.Advance(15 * time.Second)
		if _, err := s.Get(t.Context(), key("p", "10s")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
		for limit := range 3 {
			wantSorts(t, s.Query, store.Query{Partition: "p", Limit: limit}, "20s", "never")
			wantSorts(t, index(s, store.Index1), store.Query{Partition: "i", Limit: limit}, "20s")
			wantSorts(t, index(s, store.Index2), store.Query{Partition: "j", Limit: limit}, "20s")
		}
	})
	t.Run("a row exists until its second begins", func(t *testing.T) {
		s := h.open(t)
		put(t, s, expiring("s", 2*time.Second))
		expires := h.Now().Add(2 * time.Second).Truncate(time.Second)
		h.Advance(expires.Sub(h.Now()) - time.Millisecond)
		if version(t, s, key("p", "s")) != 1 {
			t.Error("the row is gone before it expires")
		}
		h.Advance(time.Millisecond)
		if version(t, s, key("p", "s")) != 0 {
			t.Error("the row is there when it has expired")
		}
	})
	t.Run("the fraction of a second is dropped", func(t *testing.T) {
		s := h.open(t)
		want := expiring("s", time.Hour+999*time.Millisecond)
		put(t, s, want)
		want.Version = 1
		want.Expires = want.Expires.Truncate(time.Second)
		got, err := s.Get(t.Context(), want.Key)
		if diff := cmp.Diff(want, got, rowEqual(), cmpopts.EquateApproxTime(0)); err != nil || diff != "" {
			t.Errorf("Get (-want +got), %v:\n%s", err, diff)
		}
	})
	t.Run("an expired row counts as absent for conditions", func(t *testing.T) {
		s := h.open(t)
		put(t, s, expiring("s", time.Second))
		h.Advance(2 * time.Second)
		for _, c := range []store.Condition{store.Present(), store.At(1)} {
			wantConflict(t, s.Transact(t.Context(), []store.Write{store.Check(key("p", "s"), c)}), 0)
			wantConflict(t, s.Transact(t.Context(), []store.Write{store.Put(row("p", "s", "new"), c)}), 0)
			wantConflict(t, s.Transact(t.Context(), []store.Write{store.Delete(key("p", "s"), c)}), 0)
		}
		must(t, s, store.Check(key("p", "s"), store.Absent()))
		must(t, s, store.Put(row("p", "s", "new"), store.Absent()))
		wantRow(t, s, store.Row{Key: key("p", "s"), Value: []byte("new"), Version: 1})
	})
	t.Run("a row that is written again lives on", func(t *testing.T) {
		s := h.open(t)
		put(t, s, expiring("s", time.Second), row("p", "s", "kept"))
		h.Advance(time.Minute)
		if got := version(t, s, key("p", "s")); got != 2 {
			t.Errorf("version = %d, want 2", got)
		}
	})
}
