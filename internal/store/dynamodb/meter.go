package dynamodb

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Meter is another store and accounts what DynamoDB would have consumed for its calls, so that a workload can be priced, and
// hot partitions found, where no DynamoDB is: in the simulation and in benchmarks. Its figures are held to those of DynamoDB
// Local. Calls that fail are not accounted, and what has expired is taken for deleted.
type Meter struct {
	store.Store

	squeezer squeezer

	mu    sync.Mutex
	usage map[Place]*Usage
	calls map[string]uint64
}

// Place is where units are consumed: a partition of the table, or of an index if its number is not 0. An index has limits of
// its own, and a throttled index throttles the table.
type Place struct {
	Index     store.IndexName
	Partition string
}

// Pattern is the partition without what tells things of a kind apart: up to its first slash.
func (p Place) Pattern() string {
	kind, _, _ := strings.Cut(p.Partition, "/")
	return kind
}

// Usage is what was consumed in a place.
type Usage struct {
	Reads, Writes         uint64  // requests, and members of transactions
	ReadUnits, WriteUnits float64 // of 1,000 and 3,000 a second, which one partition has at most
}

// NewMeter returns a meter of a store.
func NewMeter(s store.Store) *Meter {
	return &Meter{Store: s, usage: map[Place]*Usage{}, calls: map[string]uint64{}}
}

// Calls says how many requests DynamoDB would have been sent, by operation.
func (m *Meter) Calls() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.calls)
}

func (m *Meter) called(operation string, times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[operation] += uint64(times)
}

// Sizes that one unit pays for, and what consistency and transactions multiply them with.
const (
	readUnit      = 4096
	writeUnit     = 1024
	eventually    = 0.5
	transactional = 2
)

// Get implements store.Store.
func (m *Meter) Get(ctx context.Context, key store.Key) (store.Row, error) {
	m.called("GetItem", 1)
	row, err := m.Store.Get(ctx, key)
	if err == nil {
		m.read(Place{Partition: key.Partition}, m.itemBytes(row), 1)
	} else {
		m.read(Place{Partition: key.Partition}, 0, 1)
	}
	return row, err
}

// Query implements store.Store.
func (m *Meter) Query(ctx context.Context, q store.Query) (store.Page, error) {
	m.called("Query", 1)
	page, err := m.Store.Query(ctx, q)
	m.read(Place{Partition: q.Partition}, m.pageBytes(page), 1)
	return page, err
}

// Index implements store.Store.
func (m *Meter) Index(ctx context.Context, name store.IndexName, q store.Query) (store.Page, error) {
	page, err := m.Store.Index(ctx, name, q)
	m.called("Query", 1)
	if !q.Keys {
		m.called("BatchGetItem", (len(page.Rows)+maxBatchGet-1)/maxBatchGet)
	}
	entries := 0
	for _, row := range page.Rows {
		entries += entryBytes(row, name)
		if !q.Keys {
			m.read(Place{Partition: row.Key.Partition}, m.itemBytes(row), eventually)
		}
	}
	m.read(Place{Index: name, Partition: q.Partition}, entries, eventually)
	return page, err
}

// Transact implements store.Store. What the rows were before is read beside the caller's call.
func (m *Meter) Transact(ctx context.Context, writes []store.Write) error {
	m.called("TransactWriteItems", 1)
	before := make([]store.Row, len(writes))
	for i, w := range writes {
		before[i], _ = m.Store.Get(ctx, w.Row.Key) // one that cannot be read is taken for none
	}
	if err := m.Store.Transact(ctx, writes); err != nil {
		return err
	}
	for i, w := range writes {
		after := w.Row
		switch w.Op {
		case store.OpDelete:
			after = store.Row{Key: w.Row.Key}
		case store.OpCheck:
			after = before[i]
		default:
			after.Version = before[i].Version + 1
		}
		at, size := Place{Partition: w.Row.Key.Partition}, max(m.itemBytes(before[i]), m.itemBytes(after))
		if w.Op == store.OpDelete && size == 0 {
			m.add(at, 1) // nothing was there
			continue
		}
		m.write(at, size)
		if w.Op != store.OpCheck {
			m.writeIndexes(before[i], after)
		}
	}
	return nil
}

// writeIndexes accounts what a change costs in each index: nothing for an entry that stays, one write for an entry that comes
// or goes, and two for one that moves.
func (m *Meter) writeIndexes(before, after store.Row) {
	for number, x := range indexes() {
		old, now := *x.of(&before), *x.of(&after)
		name := store.IndexName(number + 1)
		if old == now {
			continue
		}
		if old != (store.Key{}) {
			m.write(Place{name, old.Partition}, entryBytes(before, name))
		}
		if now != (store.Key{}) {
			m.write(Place{name, now.Partition}, entryBytes(after, name))
		}
	}
}

func (m *Meter) read(p Place, bytes int, price float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.at(p)
	u.Reads++
	u.ReadUnits += price * max(1, math.Ceil(float64(bytes)/readUnit))
}

func (m *Meter) write(p Place, bytes int) {
	m.add(p, transactional*max(1, math.Ceil(float64(bytes)/writeUnit)))
}

func (m *Meter) add(p Place, units float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.at(p)
	u.Writes++
	u.WriteUnits += units
}

func (m *Meter) at(p Place) *Usage {
	if m.usage[p] == nil {
		m.usage[p] = &Usage{}
	}
	return m.usage[p]
}

// Consumed is what was consumed in one place.
type Consumed struct {
	Place
	Usage
}

// Consumed lists what was consumed until now, the most written places first.
func (m *Meter) Consumed() []Consumed {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Consumed, 0, len(m.usage))
	for _, p := range slices.Collect(maps.Keys(m.usage)) {
		out = append(out, Consumed{p, *m.usage[p]})
	}
	slices.SortFunc(out, func(a, b Consumed) int {
		return cmp.Or(cmp.Compare(b.WriteUnits, a.WriteUnits), cmp.Compare(b.ReadUnits, a.ReadUnits),
			cmp.Compare(a.Index, b.Index), cmp.Compare(a.Partition, b.Partition))
	})
	return out
}

func (m *Meter) pageBytes(page store.Page) int {
	sum := 0
	for _, row := range page.Rows {
		sum += m.itemBytes(row)
	}
	return sum
}

// itemBytes is the size of a row's item as DynamoDB counts it: names and values of its attributes. No row has none.
func (m *Meter) itemBytes(row store.Row) int {
	if row.Version == 0 {
		return 0
	}
	all := m.squeezer.attributes(row)
	maps.Copy(all, keyItem(row.Key))
	all[attrVersion] = number(row.Version)
	return attributeBytes(all)
}

// entryBytes is the size of a row's entry in an index.
func entryBytes(row store.Row, name store.IndexName) int {
	x := indexes()[name-1]
	all := keyItem(row.Key)
	all[x.partition], all[x.sort] = text(x.of(&row).Partition), text(store.IndexSort(x.of(&row).Sort, row.Key))
	return attributeBytes(all)
}

func attributeBytes(all item) int {
	sum := 0
	for name, value := range all {
		sum += len(name)
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			sum += len(v.Value)
		case *types.AttributeValueMemberB:
			sum += len(v.Value)
		case *types.AttributeValueMemberN:
			sum += (len(v.Value)+1)/2 + 1 // two digits a byte, and one
		}
	}
	return sum
}
