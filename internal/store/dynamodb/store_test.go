package dynamodb_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
	"github.com/runs-fleet/runs-fleet/internal/store/storetest"
)

var emulators awstest.Set

func TestMain(m *testing.M) { goleak.VerifyTestMain(emulators.Around(m)) }

// eachEmulator runs a test against Amazon's own DynamoDB Local, which is strict, and MiniStack, which is fast.
func eachEmulator(t *testing.T, test func(t *testing.T, cfg aws.Config)) {
	for name, endpoint := range map[string]func(testing.TB) string{
		"DynamoDB Local": emulators.DynamoDBLocal, "MiniStack": emulators.MiniStack,
	} {
		t.Run(name, func(t *testing.T) { test(t, awstest.Config(t, endpoint(t))) })
	}
}

// patience is for a machine whose cores are all taken: an emulator that is slow is not what these tests are about.
const patience = time.Minute

// open returns the store of a new table.
func open(t *testing.T, cfg aws.Config, opts dynamodb.Options) *dynamodb.Store {
	t.Helper()
	if opts.Table == "" {
		opts.Table = awstest.Name(t)
	}
	if opts.Clock == nil {
		opts.Clock = seam.System{}
	}
	if opts.AttemptTimeout == 0 {
		opts.AttemptTimeout = patience
	}
	opts.Random = seam.Crypto{}
	s, err := dynamodb.New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// patientClock stands still also while the store waits to try again.
type patientClock struct{ *seamtest.Clock }

func (patientClock) Sleep(ctx context.Context, d time.Duration) error {
	return seam.System{}.Sleep(ctx, d)
}

// DynamoDB Local refuses reserved words, empty keys and indexes without a name, as DynamoDB does.
//
// failure mode C9
// failure mode C12
// failure mode C15
func TestConformance(t *testing.T) {
	eachEmulator(t, func(t *testing.T, cfg aws.Config) {
		clock := patientClock{seamtest.NewClock()}
		clock.Advance(20 * 365 * 24 * time.Hour) // the emulators delete what has expired by the machine's clock
		h := storetest.Harness{
			Open:    func(t *testing.T) store.Store { return open(t, cfg, dynamodb.Options{Clock: clock}) },
			Advance: func(d time.Duration) { clock.Advance(d) }, Now: clock.Now,
		}
		storetest.Run(t, h)
		t.Run("portable", func(t *testing.T) { storetest.RunPortable(t, h) })
	})
}
