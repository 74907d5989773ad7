package dynamodb

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// condition is one of DynamoDB's language; the zero value always holds.
type condition struct {
	expression string
	values     item
}

// unexpired is the part of a condition that makes an expired item count as absent while DynamoDB has yet to delete it.
const unexpired = "(attribute_not_exists(e) OR e > :now)"

func conditionOf(c store.Condition, now int64) condition {
	anything, absent, present, version := c.Parts()
	switch {
	case anything:
		return condition{}
	case absent:
		return condition{"attribute_not_exists(p) OR e <= :now", item{":now": number(now)}}
	case present:
		return condition{"attribute_exists(p) AND " + unexpired, item{":now": number(now)}}
	default:
		return condition{"v = :at AND " + unexpired, item{":now": number(now), ":at": number(version)}}
	}
}

// text returns the expression as the SDK takes it: none is nil.
func (c condition) text() *string {
	if c.expression == "" {
		return nil
	}
	return &c.expression
}

// transactItem expresses a write. The time decides what has expired; all attempts of a transaction have the same one, or
// its token would not fit it.
func (s *squeezer) transactItem(table *string, w store.Write, now int64) (types.TransactWriteItem, error) {
	c := conditionOf(w.If, now)
	switch w.Op {
	case store.OpPut:
		return s.put(table, w, c), nil
	case store.OpDelete:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: table, Key: keyItem(w.Row.Key), ConditionExpression: c.text(), ExpressionAttributeValues: c.values,
		}}, nil
	case store.OpCheck:
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: table, Key: keyItem(w.Row.Key), ConditionExpression: c.text(), ExpressionAttributeValues: c.values,
		}}, nil
	default:
		return types.TransactWriteItem{}, fmt.Errorf("%w: unknown kind of write %d", store.ErrInvalid, w.Op)
	}
}

// put replaces the item when its condition says which version it will have, and otherwise has DynamoDB count.
func (s *squeezer) put(table *string, w store.Write, c condition) types.TransactWriteItem {
	_, absent, _, version := w.If.Parts()
	if absent || version != 0 {
		whole := s.attributes(w.Row)
		maps.Copy(whole, keyItem(w.Row.Key))
		whole[attrVersion] = number(version + 1)
		return types.TransactWriteItem{Put: &types.Put{
			TableName: table, Item: whole, ConditionExpression: c.text(), ExpressionAttributeValues: c.values,
		}}
	}
	expression, values := s.update(w.Row)
	maps.Copy(values, c.values)
	return types.TransactWriteItem{Update: &types.Update{
		TableName: table, Key: keyItem(w.Row.Key), UpdateExpression: &expression, ConditionExpression: c.text(), ExpressionAttributeValues: values,
	}}
}

// update replaces every attribute of an item and counts its version.
func (s *squeezer) update(row store.Row) (string, item) {
	given := s.attributes(row)
	values := item{":zero": number(uint64(0)), ":one": number(uint64(1))}
	set, remove := []string{"v = if_not_exists(v, :zero) + :one"}, []string{}
	names := []string{attrValue, attrSqueezed, attrExpires}
	for _, x := range indexes() {
		names = append(names, x.partition, x.sort)
	}
	slices.Sort(names)
	for _, name := range names {
		if value, ok := given[name]; ok {
			set = append(set, name+" = :"+name)
			values[":"+name] = value
			continue
		}
		remove = append(remove, name)
	}
	expression := "SET " + strings.Join(set, ", ")
	if len(remove) > 0 {
		expression += " REMOVE " + strings.Join(remove, ", ")
	}
	return expression, values
}
