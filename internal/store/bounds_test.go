package store_test

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

func TestBoundsSelectWhatTheQuerySays(t *testing.T) {
	sort := rapid.StringOfN(rapid.SampledFrom([]rune("ab/\U0010ffff")), 0, 3, -1)
	rapid.Check(t, func(t *rapid.T) {
		q := store.Query{Prefix: sort.Draw(t, "prefix"), From: sort.Draw(t, "from"), To: sort.Draw(t, "to")}
		key := sort.Draw(t, "key")
		want := strings.HasPrefix(key, q.Prefix) && key >= q.From && (q.To == "" || key < q.To)
		b := q.Bounds()
		got := !b.Empty && key >= b.From && (b.To == "" || key < b.To)
		if got != want {
			t.Fatalf("%+v selects %q: %t, want %t (bounds %+v)", q, key, got, want, b)
		}
	})
}

func TestAPrefixWithoutASuccessorHasNoEnd(t *testing.T) {
	if b := (store.Query{Prefix: "\xff\xff"}).Bounds(); b.To != "" || b.Empty || b.From != "\xff\xff" {
		t.Errorf("bounds = %+v, want a beginning only", b)
	}
}

func TestCursorsKeepPositions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := store.Position{
			Index: rapid.String().Draw(t, "index"),
			Key:   store.Key{Partition: rapid.StringN(1, -1, -1).Draw(t, "partition"), Sort: rapid.StringN(1, -1, -1).Draw(t, "sort")},
		}
		got, err := store.ParseCursor(want.Cursor())
		if err != nil || got != want {
			t.Fatalf("ParseCursor = %+v, %v; want %+v", got, err, want)
		}
	})
}

func TestPositionsOrderByIndexThenKey(t *testing.T) {
	at := func(index, partition, sort string) store.Position {
		return store.Position{Index: index, Key: store.Key{Partition: partition, Sort: sort}}
	}
	want := []store.Position{at("a", "z", "z"), at("b", "a", "z"), at("b", "b", "a"), at("b", "b", "b")}
	for i, p := range want {
		for j, q := range want {
			if got := p.Compare(q); got != cmp.Compare(i, j) {
				t.Errorf("%+v compared with %+v = %d", p, q, got)
			}
		}
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, store.Position.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("sorted = %+v", got)
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(store.Position{Index: "i", Key: store.Key{Partition: "p", Sort: "s"}}.Cursor())
	f.Add("_____________w")
	f.Fuzz(func(t *testing.T, cursor string) {
		p, err := store.ParseCursor(cursor)
		if err != nil {
			if !errors.Is(err, store.ErrInvalid) {
				t.Errorf("error = %v, want ErrInvalid", err)
			}
			return
		}
		again, err := store.ParseCursor(p.Cursor())
		if err != nil || again != p {
			t.Errorf("position %+v became %+v, %v", p, again, err)
		}
	})
}

func TestCursorsOfOtherQueriesAreRefused(t *testing.T) {
	inPartition := store.Position{Key: store.Key{Partition: "p", Sort: "s"}}.Cursor()
	inIndex := store.Position{Index: "i", Key: store.Key{Partition: "x", Sort: "s"}}.Cursor()
	for _, c := range []struct {
		cursor  string
		indexed bool
		ok      bool
	}{
		{"", false, true},
		{"", true, true},
		{inPartition, false, true},
		{inPartition, true, false},
		{inIndex, true, true},
		{inIndex, false, false},
	} {
		_, err := store.Query{Partition: "p", Cursor: c.cursor}.After(c.indexed)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("cursor %q of an index's query %t: %v, want it accepted: %t", c.cursor, c.indexed, err, c.ok)
		}
	}
}
