package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// scan reads every row of a store in so many parts, by key.
func scan(ctx context.Context, s store.Portable, parts, limit int) ([]store.Row, error) {
	var rows []store.Row
	for part := range max(parts, 1) {
		q := store.ScanQuery{Part: part, Parts: parts, Limit: limit}
		for pages := 0; ; pages++ {
			page, err := s.Scan(ctx, q)
			switch {
			case err != nil:
				return nil, err
			case limit > 0 && len(page.Rows) > limit:
				return nil, fmt.Errorf("page of %d rows, over the limit of %d", len(page.Rows), limit)
			case pages > 10_000: // far more pages than any test has
				return nil, errors.New("pages never end")
			}
			rows = append(rows, page.Rows...)
			if page.Next == "" {
				break
			}
			q.Cursor = page.Next
		}
	}
	slices.SortFunc(rows, func(a, b store.Row) int {
		return cmp.Or(cmp.Compare(a.Key.Partition, b.Key.Partition), cmp.Compare(a.Key.Sort, b.Key.Sort))
	})
	return rows, nil
}

func wantScan(t *testing.T, s store.Portable, parts, limit int, want []store.Row) {
	t.Helper()
	got, err := scan(t.Context(), s, parts, limit)
	if err != nil {
		t.Fatalf("scanning in %d parts: %v", parts, err)
	}
	if diff := gocmp.Diff(want, got, rowEqual()); diff != "" {
		t.Errorf("rows scanned in %d parts, pages of %d (-want +got):\n%s", parts, limit, diff)
	}
}

// RunPortable runs the suite of the stores whose rows can be moved, which the harness must open.
func RunPortable(t *testing.T, h Harness) {
	t.Helper()
	portable := func(t *testing.T) store.Portable {
		t.Helper()
		s, ok := h.open(t).(store.Portable)
		if !ok {
			t.Fatal("the store is no store.Portable")
		}
		return s
	}
	t.Run("a scan reads every row once, whatever the parts and pages", func(t *testing.T) {
		s := portable(t)
		wantScan(t, s, 1, 0, nil)
		var want []store.Row
		for p := range 7 {
			for r := range 3 {
				row := row(fmt.Sprintf("partition %d", p), fmt.Sprintf("row %d", r), "value")
				row.Index1, row.Index2 = key("index", fmt.Sprint(r)), key("other", fmt.Sprint(p))
				put(t, s, row)
				row.Version = 1
				want = append(want, row)
			}
		}
		for _, parts := range []int{0, 1, 3, 20} {
			for _, limit := range []int{0, 1, 2, 21, 100} {
				wantScan(t, s, parts, limit, want)
			}
		}
	})
	t.Run("pages end at the bytes of a page", func(t *testing.T) {
		s := portable(t)
		for i := range 8 {
			put(t, s, store.Row{Key: key("p", fmt.Sprint(i)), Value: slices.Repeat([]byte("x"), 300_000)})
		}
		page, err := s.Scan(t.Context(), store.ScanQuery{})
		if err != nil || len(page.Rows) > 4 || page.Next == "" {
			t.Errorf("the first page has %d rows and the cursor %q, %v", len(page.Rows), page.Next, err)
		}
		if rows, err := scan(t.Context(), s, 1, 0); err != nil || len(rows) != 8 {
			t.Errorf("%d rows in all, %v; want 8", len(rows), err)
		}
	})
	t.Run("what has expired is not scanned", func(t *testing.T) {
		s := portable(t)
		put(t, s, store.Row{Key: key("p", "short"), Expires: h.Now().Add(time.Second)}, row("p", "long", ""))
		h.Advance(2 * time.Second)
		wantScan(t, s, 1, 0, []store.Row{{Key: key("p", "long"), Version: 1}})
	})
	t.Run("restored rows are what they were, versions, indexes and expiry included", func(t *testing.T) {
		s := portable(t)
		put(t, s, row("p", "replaced", "former"))
		want := []store.Row{
			{Key: key("p", "replaced"), Version: 17, Value: []byte("new"), Index1: key("i", "1"), Expires: h.Now().Add(time.Hour)},
			{Key: key("q", "bytes"), Version: 1, Value: []byte("\x00\xff\n")},
			{Key: key("é", "日本"), Version: 1 << 40, Index2: key("j", "2")},
		}
		for range 2 { // the same again changes nothing
			if err := s.Restore(t.Context(), want); err != nil {
				t.Fatalf("Restore: %v", err)
			}
			wantScan(t, s, 1, 0, want)
		}
		must(t, s, store.Put(row("p", "replaced", "newer"), store.At(17)))
		if got := version(t, s, key("p", "replaced")); got != 18 {
			t.Errorf("version after a write = %d, want 18", got)
		}
		h.settle()
		wantSorts(t, index(s, store.Index2), store.Query{Partition: "j"}, "日本")
		wantSorts(t, index(s, store.Index1), store.Query{Partition: "i"})
	})
	t.Run("what no backend takes is refused", func(t *testing.T) {
		s := portable(t)
		tooMany := make([]store.Row, store.MaxTransaction+1)
		for i := range tooMany {
			tooMany[i] = store.Row{Key: key("p", fmt.Sprint(i)), Version: 1}
		}
		for _, rows := range [][]store.Row{
			{{Key: key("p", "without a version")}},
			{{Key: key("", "s"), Version: 1}},
			tooMany,
			{{Key: key("p", "twice"), Version: 1}, {Key: key("p", "twice"), Version: 2}},
		} {
			wantInvalid(t, s.Restore(t.Context(), rows))
		}
		for _, q := range []store.ScanQuery{{Part: 1}, {Part: 2, Parts: 2}, {Part: -1, Parts: 2}, {Parts: -1}, {Limit: -1}, {Cursor: "?"}} {
			_, err := s.Scan(t.Context(), q)
			wantInvalid(t, err)
		}
	})
	t.Run("an ended context ends them", func(t *testing.T) {
		s := portable(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, scanErr := s.Scan(ctx, store.ScanQuery{})
		restoreErr := s.Restore(ctx, []store.Row{{Key: key("p", "s"), Version: 1}})
		for call, err := range map[string]error{"Scan": scanErr, "Restore": restoreErr} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s = %v, want context.Canceled", call, err)
			}
		}
	})
}
