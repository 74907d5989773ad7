package memory

import (
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// table is the rows of one partition, or of one partition of an index, in the order of a query. A nil table is empty.
type table struct {
	entries []entry
}

type entry struct {
	at  store.Position
	row *store.Row // never changed, only replaced
}

func (t *table) find(at store.Position) *store.Row {
	if t == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(t.entries, at, compareEntry)
	if !found {
		return nil
	}
	return t.entries[i].row
}

// set replaces the row at a position; a nil row removes it, and a table that becomes empty with it.
func set(tables map[string]*table, partition string, at store.Position, row *store.Row) {
	t := tables[partition]
	if t == nil {
		if row == nil {
			return
		}
		t = &table{}
		tables[partition] = t
	}
	i, found := slices.BinarySearchFunc(t.entries, at, compareEntry)
	switch {
	case row == nil && found:
		t.entries = slices.Delete(t.entries, i, i+1)
		if len(t.entries) == 0 {
			delete(tables, partition)
		}
	case row == nil:
	case found:
		t.entries[i].row = row
	default:
		t.entries = slices.Insert(t.entries, i, entry{at: at, row: row})
	}
}

// sortKey is what a query's bounds apply to.
func (e entry) sortKey() string {
	if e.at.Index != "" {
		return e.at.Index
	}
	return e.at.Key.Sort
}

// page reads a page as DynamoDB does: the limit and the bytes count the rows that were read, expired ones included, and a
// page that ended at a limit has a Next even if no row follows.
func (t *table) page(q store.Query, after *store.Position, now int64) store.Page {
	bounds := q.Bounds()
	if t == nil || bounds.Empty {
		return store.Page{}
	}
	low, high := t.within(bounds)
	if after != nil {
		i, found := slices.BinarySearchFunc(t.entries, *after, compareEntry)
		if q.Descending {
			high = min(high, i)
		} else {
			if found {
				i++
			}
			low = max(low, i)
		}
	}
	var page store.Page
	read, bytes := 0, 0
	for low < high {
		var e entry
		if q.Descending {
			high--
			e = t.entries[high]
		} else {
			e = t.entries[low]
			low++
		}
		read++
		bytes += store.RowBytes(*e.row)
		if !store.Expired(expires(e.row), now) {
			page.Rows = append(page.Rows, clone(e.row))
		}
		if read == q.Limit || bytes >= store.MaxPageBytes {
			page.Next = e.at.Cursor()
			return page
		}
	}
	return page
}

// within returns the range of entries that the bounds select.
func (t *table) within(bounds store.Bounds) (low, high int) {
	position := func(sort string) int {
		i, _ := slices.BinarySearchFunc(t.entries, sort, func(e entry, sort string) int {
			if e.sortKey() < sort {
				return -1
			}
			return 1
		})
		return i
	}
	low, high = position(bounds.From), len(t.entries)
	if bounds.To != "" {
		high = position(bounds.To)
	}
	return low, high
}
