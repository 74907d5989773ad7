// Package dynamodb is the store for several replicas: one table of Amazon DynamoDB with two sparse indexes. Decision
// record 9 lists the access patterns and what they cost.
package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Options say which table a store is, and what it stands on.
type Options struct {
	Table  string
	Clock  seam.Clock
	Random seam.Random
	// Tally counts calls and the units that they consume; nil counts nothing.
	Tally *awsclient.Tally
	// AttemptTimeout bounds one attempt of a call; 0 is DefaultAttemptTimeout. The caller's context bounds all of them.
	AttemptTimeout time.Duration
}

// DefaultAttemptTimeout is far above what DynamoDB takes for the largest transaction, and short enough that a call whose
// connection died is tried again before anybody notices.
const DefaultAttemptTimeout = 3 * time.Second

// Store implements store.Store.
type Store struct {
	api     *dynamodb.Client
	table   *string
	clock   seam.Clock
	random  seam.Random
	tally   *awsclient.Tally
	timeout time.Duration
	closed  atomic.Bool

	squeezer squeezer
}

var _ store.Store = (*Store)(nil)

var errClosed = errors.New("store is closed")

// New returns the store of a table, and makes no call. The configuration's HTTP client stays the caller's.
func New(cfg aws.Config, opts Options) (*Store, error) {
	if opts.Table == "" {
		return nil, errors.New("a store on DynamoDB needs the name of its table")
	}
	if opts.AttemptTimeout == 0 {
		opts.AttemptTimeout = DefaultAttemptTimeout
	}
	cfg = opts.Tally.Install(cfg)
	cfg.HTTPClient = awsclient.WholeBodies(cfg.HTTPClient)
	api := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		// The retries are ours: they run on the seam's clock, and know which outcome was unknown.
		o.Retryer = aws.NopRetryer{}
	})
	return &Store{
		api: api, table: aws.String(opts.Table), clock: opts.Clock, random: opts.Random, tally: opts.Tally, timeout: opts.AttemptTimeout,
	}, nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key store.Key) (store.Row, error) {
	if err := store.CheckKey(key); err != nil {
		return store.Row{}, err
	}
	var out *dynamodb.GetItemOutput
	err := s.call(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: s.table, Key: keyItem(key), ConsistentRead: aws.Bool(true), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		return err //nolint:wrapcheck // classified and wrapped by call
	})
	if err != nil {
		return store.Row{}, fmt.Errorf("getting %s: %w", key, err)
	}
	s.read("GetItem", out.ConsumedCapacity)
	if len(out.Item) == 0 {
		return store.Row{}, store.ErrNotFound
	}
	row, err := decode(out.Item)
	if err != nil {
		return store.Row{}, fmt.Errorf("getting %s: %w", key, err)
	}
	if expired(row, s.clock.Now()) {
		return store.Row{}, store.ErrNotFound
	}
	return row, nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

// read notes what a read consumed.
func (s *Store) read(operation string, c *types.ConsumedCapacity) {
	if c != nil {
		s.tally.AddUnits(awsclient.Operation{Service: dynamodb.ServiceID, Name: operation}, aws.ToFloat64(c.CapacityUnits), 0)
	}
}

// wrote notes what a write consumed. A transaction that DynamoDB remembered by its token costs a read of its items instead.
func (s *Store) wrote(operation string, consumed []types.ConsumedCapacity) {
	for _, c := range consumed {
		read, write := aws.ToFloat64(c.ReadCapacityUnits), aws.ToFloat64(c.WriteCapacityUnits)
		if read == 0 && write == 0 {
			write = aws.ToFloat64(c.CapacityUnits)
		}
		s.tally.AddUnits(awsclient.Operation{Service: dynamodb.ServiceID, Name: operation}, read, write)
	}
}
