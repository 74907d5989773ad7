package memory

import "github.com/runs-fleet/runs-fleet/internal/store"

// index holds the rows that have a key in it, as they were when it last caught up.
type index struct {
	name       store.IndexName
	partitions map[string]*table
}

func newIndex(name store.IndexName) *index {
	return &index{name: name, partitions: map[string]*table{}}
}

func (x *index) keyOf(row *store.Row) store.Key {
	if x.name == store.Index1 {
		return row.Index1
	}
	return row.Index2
}

func (x *index) apply(c change) {
	if c.previous != nil {
		x.set(c.key, x.keyOf(c.previous), nil)
	}
	if c.row != nil {
		x.set(c.key, x.keyOf(c.row), c.row)
	}
}

func (x *index) set(key, indexKey store.Key, row *store.Row) {
	if indexKey == (store.Key{}) {
		return
	}
	set(x.partitions, indexKey.Partition, store.Position{Index: indexKey.Sort, Key: key}, row)
}
