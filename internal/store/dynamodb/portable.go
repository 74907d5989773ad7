package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Limits of the API: parts of one scan, items of one batch.
const (
	maxParts = 1_000_000
	maxBatch = 25
)

var _ store.Portable = (*Store)(nil)

// Scan implements store.Portable. Parts are DynamoDB's segments, each with about as many rows as another.
func (s *Store) Scan(ctx context.Context, q store.ScanQuery) (store.Page, error) {
	if err := store.CheckScan(q); err != nil {
		return store.Page{}, err
	}
	if q.Parts > maxParts {
		return store.Page{}, fmt.Errorf("%w: scan in %d parts, over the limit of %d", store.ErrInvalid, q.Parts, maxParts)
	}
	input := &dynamodb.ScanInput{
		TableName: s.table, ConsistentRead: aws.Bool(true), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		Segment: aws.Int32(int32(q.Part)), TotalSegments: aws.Int32(int32(max(q.Parts, 1))),
	}
	if q.Limit > 0 {
		input.Limit = aws.Int32(int32(min(q.Limit, math.MaxInt32)))
	}
	if q.Cursor != "" {
		after, err := store.ParseCursor(q.Cursor)
		if err != nil {
			return store.Page{}, err
		}
		input.ExclusiveStartKey = keyItem(after.Key)
	}
	var out *dynamodb.ScanOutput
	err := s.call(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.Scan(ctx, input)
		return err //nolint:wrapcheck // classified and wrapped by call
	})
	if err != nil {
		return store.Page{}, fmt.Errorf("scanning part %d of %d: %w", q.Part, max(q.Parts, 1), err)
	}
	s.read("Scan", out.ConsumedCapacity)
	return pageOf(out.Items, out.LastEvaluatedKey, store.Bounds{}, s.clock.Now())
}

// errUnprocessed says that DynamoDB took none of a batch's items, for their rate.
var errUnprocessed = errors.New("DynamoDB took no item of the batch")

// Restore implements store.Portable. It writes batches, which cost half of what transactions do.
func (s *Store) Restore(ctx context.Context, rows []store.Row) error {
	if err := store.CheckRestore(rows); err != nil {
		return err
	}
	for batch := range slices.Chunk(rows, maxBatch) {
		requests := make([]types.WriteRequest, 0, len(batch))
		for _, row := range batch {
			whole := s.squeezer.attributes(row)
			maps.Copy(whole, keyItem(row.Key))
			whole[attrVersion] = number(row.Version)
			requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: whole}})
		}
		for len(requests) > 0 {
			var err error
			if requests, err = s.writeSome(ctx, requests); err != nil {
				return fmt.Errorf("restoring %d rows, the first being %s: %w", len(rows), rows[0].Key, err)
			}
		}
	}
	return nil
}

// writeSome writes at least one item and returns those that DynamoDB has left for later.
func (s *Store) writeSome(ctx context.Context, requests []types.WriteRequest) ([]types.WriteRequest, error) {
	var left []types.WriteRequest
	err := s.call(ctx, func(ctx context.Context) error {
		out, err := s.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems:           map[string][]types.WriteRequest{*s.table: requests},
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err != nil {
			return err //nolint:wrapcheck // classified and wrapped by call
		}
		s.wrote("BatchWriteItem", out.ConsumedCapacity)
		if left = out.UnprocessedItems[*s.table]; len(left) == len(requests) {
			return errUnprocessed
		}
		return nil
	})
	return left, err
}
