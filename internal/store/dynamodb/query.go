package dynamodb

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Query implements store.Store.
func (s *Store) Query(ctx context.Context, q store.Query) (store.Page, error) {
	page, err := s.page(ctx, q)
	if err != nil {
		return store.Page{}, fmt.Errorf("querying partition %s: %w", q.Partition, err)
	}
	return page, nil
}

// page makes one query of the table.
func (s *Store) page(ctx context.Context, q store.Query) (store.Page, error) {
	items, last, err := s.query(ctx, q, nil)
	if err != nil {
		return store.Page{}, err
	}
	return pageOf(items, last, q.Bounds(), s.clock.Now())
}

// query makes one query, of the table or, with x, of an index, and returns its items and the key at which DynamoDB ended.
func (s *Store) query(ctx context.Context, q store.Query, x *index) (items []item, last item, err error) {
	if err := store.CheckQuery(q); err != nil {
		return nil, nil, err
	}
	after, err := q.After(x != nil)
	if err != nil {
		return nil, nil, err
	}
	bounds := q.Bounds()
	start, ended := startAt(q, bounds, after, x)
	if bounds.Empty || ended {
		return nil, nil, ctx.Err()
	}
	input := s.selection(q, bounds, x)
	input.ExclusiveStartKey = start
	var out *dynamodb.QueryOutput
	err = s.call(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.Query(ctx, input)
		return err //nolint:wrapcheck // classified and wrapped by call
	})
	if err != nil {
		return nil, nil, err
	}
	s.read("Query", out.ConsumedCapacity)
	return out.Items, out.LastEvaluatedKey, nil
}

// startAt returns the key after which a page begins, nil for the beginning of the range. DynamoDB refuses one outside of
// the range, which a caller that has changed a bound may have: it says whether the page is past the end.
func startAt(q store.Query, bounds store.Bounds, after *store.Position, x *index) (start item, ended bool) {
	if after == nil {
		return nil, false
	}
	sort := after.Key.Sort
	if x != nil {
		sort = after.Index
	}
	below, above := sort < bounds.From, bounds.To != "" && sort >= bounds.To
	if q.Descending && x == nil && bounds.From != "" && sort == bounds.To {
		above = false // a page of one row may have ended on the bound itself, see selection
	}
	switch {
	case below && q.Descending, above && !q.Descending:
		return nil, true
	case below, above:
		return nil, false
	}
	start = keyItem(after.Key)
	if x != nil {
		start[x.partition], start[x.sort] = text(q.Partition), text(store.IndexSort(after.Index, after.Key))
	}
	return start, false
}

func (s *Store) selection(q store.Query, bounds store.Bounds, x *index) *dynamodb.QueryInput {
	input := &dynamodb.QueryInput{
		TableName: s.table, ScanIndexForward: aws.Bool(!q.Descending), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		ConsistentRead: aws.Bool(x == nil),
	}
	if q.Limit > 0 {
		input.Limit = aws.Int32(int32(min(q.Limit, math.MaxInt32)))
	}
	partition, sort, bound := attrPartition, attrSort, text
	if x != nil {
		input.IndexName = aws.String(x.name)
		partition, sort, bound = x.partition, x.sort, func(s string) types.AttributeValue { return text(store.IndexSortBound(s)) }
	}
	expression := partition + " = :p"
	input.ExpressionAttributeValues = item{":p": text(q.Partition)}
	// There may be one condition on the sort key only, and the one with two bounds includes both: pageOf drops the upper.
	switch {
	case bounds.From != "" && bounds.To != "":
		expression += " AND " + sort + " BETWEEN :from AND :to"
	case bounds.From != "":
		expression += " AND " + sort + " >= :from"
	case bounds.To != "":
		expression += " AND " + sort + " < :to"
	}
	if bounds.From != "" {
		input.ExpressionAttributeValues[":from"] = bound(bounds.From)
	}
	if bounds.To != "" {
		input.ExpressionAttributeValues[":to"] = bound(bounds.To)
	}
	input.KeyConditionExpression = &expression
	return input
}

// pageOf takes from an answer what is in the range and has not expired, and ends the page at our own bound of bytes, in
// case that DynamoDB's is another.
func pageOf(items []item, last item, bounds store.Bounds, now time.Time) (page store.Page, err error) {
	read := 0
	for i, it := range items {
		row, err := decode(it)
		if err != nil {
			return store.Page{}, err
		}
		if bounds.To != "" && row.Key.Sort >= bounds.To {
			continue
		}
		if !expired(row, now) {
			page.Rows = append(page.Rows, row)
		}
		if read += store.RowBytes(row); read >= store.MaxPageBytes && i+1 < len(items) {
			page.Next = store.Position{Key: row.Key}.Cursor()
			return page, nil
		}
	}
	page.Next, err = nextOf(last, nil)
	return page, err
}
