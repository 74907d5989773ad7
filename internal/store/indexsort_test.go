package store_test

import (
	"cmp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

func TestJoinedSortKeysKeepOrderBoundsAndKey(t *testing.T) {
	text := func(least int) *rapid.Generator[string] {
		return rapid.StringOfN(rapid.SampledFrom([]rune("\x00\x01\x02ab\U0010ffff")), least, 4, -1)
	}
	position := rapid.Custom(func(t *rapid.T) store.Position {
		return store.Position{
			Index: text(1).Draw(t, "index"),
			Key:   store.Key{Partition: text(1).Draw(t, "partition"), Sort: text(1).Draw(t, "sort")},
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := position.Draw(t, "a"), position.Draw(t, "b")
		first, second := store.IndexSort(a.Index, a.Key), store.IndexSort(b.Index, b.Key)
		if got, want := strings.Compare(first, second), a.Compare(b); got != want {
			t.Errorf("order of %+v and %+v = %d, want %d", a, b, got, want)
		}
		if got := store.IndexSortOf(first); got != a.Index {
			t.Errorf("sort key of %q = %q, want %q", first, got, a.Index)
		}
		bound := text(0).Draw(t, "bound")
		if got, want := cmp.Less(first, store.IndexSortBound(bound)), a.Index < bound; got != want {
			t.Errorf("%+v below the bound %q: %t, want %t", a, bound, got, want)
		}
		if strings.Contains(first, "\x00") {
			t.Errorf("%q has a byte 0", first)
		}
	})
}
