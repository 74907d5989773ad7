package dynamodb_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
)

func unmade(t *testing.T, cfg aws.Config, table string) *dynamodb.Store {
	t.Helper()
	s, err := dynamodb.New(cfg, dynamodb.Options{Table: table, Clock: seam.System{}, Random: seam.Crypto{}, AttemptTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEnsureMakesTheTableOnce(t *testing.T) {
	eachEmulator(t, func(t *testing.T, cfg aws.Config) {
		table := awstest.Name(t)
		s := unmade(t, cfg, table)
		row := store.Row{Key: store.Key{Partition: "p", Sort: "s"}}
		for range 3 {
			if err := s.Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Transact(t.Context(), []store.Write{store.Put(row, store.Any())}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Get(t.Context(), row.Key); err != nil || got.Version != 3 {
			t.Errorf("version = %d, %v; want what was written before the table was ensured again", got.Version, err)
		}
		api := sdk.NewFromConfig(cfg)
		made, err := api.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		if b := made.Table.BillingModeSummary; b == nil || b.BillingMode != types.BillingModePayPerRequest {
			t.Errorf("billing = %+v, want on-demand", b)
		}
		expiry, err := api.DescribeTimeToLive(t.Context(), &sdk.DescribeTimeToLiveInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		if d := expiry.TimeToLiveDescription; d.TimeToLiveStatus != types.TimeToLiveStatusEnabled || aws.ToString(d.AttributeName) != "e" {
			t.Errorf("expiry = %s by %s, want it by e", d.TimeToLiveStatus, aws.ToString(d.AttributeName))
		}
	})
}

func TestEnsureSwitchesPointInTimeRecoveryOn(t *testing.T) {
	cfg := awstest.Config(t, emulators.MiniStack(t)) // DynamoDB Local knows no back-ups
	table := awstest.Name(t)
	if err := unmade(t, cfg, table).Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	backups, err := sdk.NewFromConfig(cfg).DescribeContinuousBackups(t.Context(), &sdk.DescribeContinuousBackupsInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	if got := backups.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus; got != types.PointInTimeRecoveryStatusEnabled {
		t.Errorf("point-in-time recovery = %s", got)
	}
}

// failure mode C13
func TestATableOfSomethingElseIsRefused(t *testing.T) {
	eachEmulator(t, func(t *testing.T, cfg aws.Config) {
		for name, change := range map[string]func(*sdk.CreateTableInput){
			"other keys": func(in *sdk.CreateTableInput) {
				in.KeySchema[0].AttributeName, in.AttributeDefinitions[0].AttributeName = aws.String("id"), aws.String("id")
			},
			"without indexes": func(*sdk.CreateTableInput) {},
		} {
			t.Run(name, func(t *testing.T) {
				table := awstest.Name(t)
				in := &sdk.CreateTableInput{
					TableName: &table, BillingMode: types.BillingModePayPerRequest,
					KeySchema: []types.KeySchemaElement{
						{AttributeName: aws.String("p"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("s"), KeyType: types.KeyTypeRange},
					},
					AttributeDefinitions: []types.AttributeDefinition{
						{AttributeName: aws.String("p"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("s"), AttributeType: types.ScalarAttributeTypeS},
					},
				}
				change(in)
				if _, err := sdk.NewFromConfig(cfg).CreateTable(t.Context(), in); err != nil {
					t.Fatal(err)
				}
				if err := unmade(t, cfg, table).Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "choose another name") {
					t.Errorf("Ensure = %v, want it to refuse the table", err)
				}
			})
		}
	})
}

func TestAMissingTableIsNamed(t *testing.T) {
	eachEmulator(t, func(t *testing.T, cfg aws.Config) {
		s := unmade(t, cfg, "never-made")
		_, readErr := s.Get(t.Context(), store.Key{Partition: "p", Sort: "s"})
		writeErr := s.Transact(t.Context(), []store.Write{store.Put(store.Row{Key: store.Key{Partition: "p", Sort: "s"}}, store.Any())})
		for call, err := range map[string]error{"Get": readErr, "Transact": writeErr} {
			if err == nil || !strings.Contains(err.Error(), "there is no table never-made") {
				t.Errorf("%s = %v, want it to name the missing table", call, err)
			}
		}
	})
}

func TestEnsureEndsWithItsContext(t *testing.T) {
	cfg := awstest.Config(t, emulators.MiniStack(t))
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if err := unmade(t, cfg, awstest.Name(t)).Ensure(ctx); err == nil {
		t.Error("Ensure succeeded after its deadline")
	}
}
