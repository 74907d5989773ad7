package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

const (
	activeTimeout = 3 * time.Minute // a table with two indexes takes some ten seconds
	activePause   = 500 * time.Millisecond
)

// Ensure makes the table if there is none: on-demand capacity, point-in-time recovery, expiry, both indexes. It may be
// called any number of times. In production a template makes the same table, and Ensure finds that nothing is left to do.
func (s *Store) Ensure(ctx context.Context) error {
	ctx, cancel := s.clock.WithTimeout(ctx, activeTimeout)
	defer cancel()
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"creating it", s.create},
		{"waiting until it is active", s.awaitActive},
		{"switching on expiry", s.ensureExpiry},
		{"switching on point-in-time recovery", s.ensureRecovery},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("table %s: %s: %w", *s.table, step.what, err)
		}
	}
	return nil
}

func (s *Store) create(ctx context.Context) error {
	input := &dynamodb.CreateTableInput{
		TableName: s.table, BillingMode: types.BillingModePayPerRequest,
		KeySchema: keySchema(attrPartition, attrSort),
	}
	names := []string{attrPartition, attrSort}
	for _, x := range indexes() {
		names = append(names, x.partition, x.sort)
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(x.name), KeySchema: keySchema(x.partition, x.sort),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	for _, name := range names {
		input.AttributeDefinitions = append(input.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS,
		})
	}
	err := s.call(ctx, func(ctx context.Context) error {
		_, err := s.api.CreateTable(ctx, input)
		return err //nolint:wrapcheck // classified and wrapped by call
	})
	if _, exists := errors.AsType[*types.ResourceInUseException](err); exists {
		return nil
	}
	return err
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}

// awaitActive waits for the table and its indexes, and refuses a table that was made for something else.
func (s *Store) awaitActive(ctx context.Context) error {
	for {
		table, err := s.describe(ctx)
		if err != nil {
			return err
		}
		if err := check(table); err != nil {
			return err
		}
		if active(table) {
			return nil
		}
		if err := s.clock.Sleep(ctx, activePause); err != nil {
			return fmt.Errorf("its status is %s: %w", table.TableStatus, err)
		}
	}
}

func (s *Store) describe(ctx context.Context) (*types.TableDescription, error) {
	var out *dynamodb.DescribeTableOutput
	err := s.call(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: s.table})
		return err //nolint:wrapcheck // classified and wrapped by call
	})
	if err != nil {
		return nil, err
	}
	return out.Table, nil
}

func active(table *types.TableDescription) bool {
	return table.TableStatus == types.TableStatusActive && !slices.ContainsFunc(table.GlobalSecondaryIndexes,
		func(x types.GlobalSecondaryIndexDescription) bool { return x.IndexStatus != types.IndexStatusActive })
}

func check(table *types.TableDescription) error {
	if !sameKeys(table.KeySchema, attrPartition, attrSort) {
		return errors.New("there is one of this name with other keys: choose another name")
	}
	for _, x := range indexes() {
		if !slices.ContainsFunc(table.GlobalSecondaryIndexes, func(d types.GlobalSecondaryIndexDescription) bool {
			return aws.ToString(d.IndexName) == x.name && sameKeys(d.KeySchema, x.partition, x.sort) &&
				d.Projection != nil && d.Projection.ProjectionType == types.ProjectionTypeKeysOnly
		}) {
			return fmt.Errorf("there is one of this name without the index %s on %s and %s, keys only: choose another name",
				x.name, x.partition, x.sort)
		}
	}
	return nil
}

func sameKeys(schema []types.KeySchemaElement, partition, sort string) bool {
	return slices.EqualFunc(schema, keySchema(partition, sort), func(a, b types.KeySchemaElement) bool {
		return aws.ToString(a.AttributeName) == aws.ToString(b.AttributeName) && a.KeyType == b.KeyType
	})
}

func (s *Store) ensureExpiry(ctx context.Context) error {
	var out *dynamodb.DescribeTimeToLiveOutput
	err := s.call(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: s.table})
		return err //nolint:wrapcheck // classified and wrapped by call
	})
	if err != nil {
		return err
	}
	if d := out.TimeToLiveDescription; d != nil && aws.ToString(d.AttributeName) == attrExpires &&
		(d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling) {
		return nil
	}
	return s.call(ctx, func(ctx context.Context) error {
		_, err := s.api.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
			TableName:               s.table,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(attrExpires), Enabled: aws.Bool(true)},
		})
		return err //nolint:wrapcheck // classified and wrapped by call
	})
}

// ensureRecovery takes an endpoint that knows nothing of back-ups for what it is: an emulator.
func (s *Store) ensureRecovery(ctx context.Context) error {
	var out *dynamodb.DescribeContinuousBackupsOutput
	err := s.call(ctx, func(ctx context.Context) (err error) {
		out, err = s.api.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: s.table})
		return err //nolint:wrapcheck // classified and wrapped by call
	})
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "UnknownOperationException" {
		return nil
	}
	if err != nil {
		return err
	}
	if d := out.ContinuousBackupsDescription; d != nil && d.PointInTimeRecoveryDescription != nil &&
		d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled {
		return nil
	}
	return s.call(ctx, func(ctx context.Context) error {
		_, err := s.api.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
			TableName:                        s.table,
			PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
		})
		return err //nolint:wrapcheck // classified and wrapped by call
	})
}
