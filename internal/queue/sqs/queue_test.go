package sqs_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/queuetest"
	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

var emulators awstest.Set

func TestMain(m *testing.M) { goleak.VerifyTestMain(emulators.Around(m)) }

// patience is for a machine whose cores are all taken: an emulator that is slow is not what these tests are about.
const patience = time.Minute

// open returns a new queue with its dead letters.
func open(t *testing.T, cfg aws.Config, o sqs.Options) *sqs.Queue {
	t.Helper()
	if o.Queue == "" {
		o.Queue = awstest.Name(t)
	}
	if o.Clock == nil {
		o.Clock = seam.System{}
	}
	if o.SendTimeout == 0 {
		o.SendTimeout = patience
	}
	o.Random = seam.Crypto{}
	q, err := sqs.New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return q
}

// closing closes a queue at the end of its test.
func closing(t *testing.T, q *sqs.Queue) *sqs.Queue {
	t.Helper()
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q
}

// MiniStack extends deliveries whose time has run out, which SQS does not.
func harness(t *testing.T) queuetest.Harness {
	t.Helper()
	cfg := awstest.Config(t, emulators.MiniStack(t))
	return queuetest.Harness{Apart: true, ExtendsExpired: true, Open: func(t *testing.T, clock seam.Clock) queue.Queue {
		return open(t, cfg, sqs.Options{Clock: clock, Visibility: queuetest.VisibilityApart, MaxReceives: queuetest.MaxReceives})
	}}
}

// failure mode B3
func TestConformance(t *testing.T) { queuetest.Run(t, harness(t)) }

func TestDepth(t *testing.T) {
	h := harness(t)
	queuetest.Depth(t, h, func(t *testing.T, clock seam.Clock) queuetest.Counted {
		q, ok := h.Open(t, clock).(*sqs.Queue)
		if !ok {
			t.Fatal("no queue of this package")
		}
		return q
	})
}
