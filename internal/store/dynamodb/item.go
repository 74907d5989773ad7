package dynamodb

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// The attributes of an item. Their names are short because they count as bytes, of which each thousand costs a unit.
const (
	attrPartition = "p"
	attrSort      = "s"
	attrVersion   = "v"
	attrValue     = "b" // binary; missing if empty, or squeezed
	attrSqueezed  = "z" // binary: the value, compressed
	attrExpires   = "e" // Unix seconds, the table's attribute of time to live; missing for never
)

type item = map[string]types.AttributeValue

// index is one of the two sparse indexes: an item without its attributes is not in it.
type index struct {
	name            string // at least three characters, as DynamoDB wants
	partition, sort string
	of              func(*store.Row) *store.Key
}

func indexes() [2]index {
	return [2]index{
		{name: "index1", partition: "ip1", sort: "is1", of: func(r *store.Row) *store.Key { return &r.Index1 }},
		{name: "index2", partition: "ip2", sort: "is2", of: func(r *store.Row) *store.Key { return &r.Index2 }},
	}
}

func indexNamed(name store.IndexName) (index, error) {
	switch name {
	case store.Index1:
		return indexes()[0], nil
	case store.Index2:
		return indexes()[1], nil
	default:
		return index{}, fmt.Errorf("%w: no index %d", store.ErrInvalid, name)
	}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number[N uint64 | int64](n N) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

func keyItem(k store.Key) item {
	return item{attrPartition: text(k.Partition), attrSort: text(k.Sort)}
}

// attributes are those of a row besides its key and its version.
func (s *squeezer) attributes(row store.Row) item {
	out := item{}
	if squeezed, ok := s.squeeze(row.Value); ok {
		out[attrSqueezed] = &types.AttributeValueMemberB{Value: squeezed}
	} else if len(row.Value) > 0 {
		out[attrValue] = &types.AttributeValueMemberB{Value: row.Value}
	}
	if !row.Expires.IsZero() {
		out[attrExpires] = number(row.Expires.Unix())
	}
	for _, x := range indexes() {
		if k := *x.of(&row); k != (store.Key{}) {
			out[x.partition], out[x.sort] = text(k.Partition), text(store.IndexSort(k.Sort, row.Key))
		}
	}
	return out
}

func decode(i item) (store.Row, error) {
	r := reader{item: i}
	row := store.Row{
		Key:     store.Key{Partition: r.text(attrPartition), Sort: r.text(attrSort)},
		Version: uint64(r.number(attrVersion)),
		Value:   r.bytes(attrValue),
	}
	if squeezed := r.bytes(attrSqueezed); squeezed != nil {
		value, err := expand(squeezed)
		if err != nil {
			r.fail(attrSqueezed, err)
		}
		row.Value = value
	}
	if seconds := r.number(attrExpires); seconds != 0 {
		row.Expires = time.Unix(seconds, 0).UTC()
	}
	for _, x := range indexes() {
		*x.of(&row) = store.Key{Partition: r.text(x.partition), Sort: store.IndexSortOf(r.text(x.sort))}
	}
	if r.err == nil && (row.Key.Partition == "" || row.Key.Sort == "" || row.Version == 0) {
		r.err = fmt.Errorf("item %s lacks its key or its version: something else has written to this table", row.Key)
	}
	return row, r.err
}

// reader reads attributes; a missing one is a zero value, and one of another type the error.
type reader struct {
	item item
	err  error
}

func (r *reader) text(name string) string {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.fail(name, fmt.Errorf("it is a %T", v))
	}
	return ""
}

func (r *reader) bytes(name string) []byte {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberB:
		return v.Value
	default:
		r.fail(name, fmt.Errorf("it is a %T", v))
	}
	return nil
}

func (r *reader) number(name string) int64 {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			r.fail(name, err)
		}
		return n
	default:
		r.fail(name, fmt.Errorf("it is a %T", v))
	}
	return 0
}

func (r *reader) fail(name string, err error) {
	r.err = fmt.Errorf("reading attribute %s: %w", name, err)
}
