package dynamodb

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// tokenBytes are those of a transaction's token, whose 32 characters DynamoDB remembers for ten minutes.
const tokenBytes = 16

// Transact implements store.Store. Every write is a transaction with a token of its own, also a single one: an attempt
// whose outcome got lost can then be made again, and DynamoDB answers for the first. A conditional write without a token
// could not tell its own success from somebody else's.
func (s *Store) Transact(ctx context.Context, writes []store.Write) error {
	if err := store.CheckWrites(writes); err != nil {
		return err
	}
	input := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken:     aws.String(s.random.Token(tokenBytes)),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	now := s.clock.Now().Unix()
	for _, w := range writes {
		one, err := s.squeezer.transactItem(s.table, w, now)
		if err != nil {
			return err
		}
		input.TransactItems = append(input.TransactItems, one)
	}
	var out *dynamodb.TransactWriteItemsOutput
	err := s.call(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.TransactWriteItems(ctx, input)
		return err //nolint:wrapcheck // classified and wrapped by call
	})
	var refused *refusedError
	switch {
	case errors.As(err, &refused) && len(refused.failed) == 0:
		return &store.ConflictError{}
	case errors.As(err, &refused):
		return &store.ConflictError{Failed: refused.failed, Key: writes[refused.failed[0]].Row.Key}
	case err != nil:
		return fmt.Errorf("writing %d rows, the first being %s: %w", len(writes), writes[0].Row.Key, err)
	}
	s.wrote("TransactWriteItems", out.ConsumedCapacity)
	return nil
}
