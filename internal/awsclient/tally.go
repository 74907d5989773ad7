package awsclient

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// Operation names a call of AWS, such as DynamoDB GetItem. The names are those of the SDK.
type Operation struct{ Service, Name string }

// Count is what calls of one operation came to.
type Count struct {
	Calls     uint64 // requests that were sent, each attempt of a call being one: what AWS bills
	Failed    uint64 // of them, those that brought no answer or an error
	Throttled uint64 // of the failed, those that AWS refused for their rate
	// ReadUnits and WriteUnits are what DynamoDB says that they consumed, also in indexes: half a unit reads 4 KB of an index,
	// one reads them consistently; one writes 1 KB, two write it in a transaction.
	ReadUnits, WriteUnits float64
}

// Tally counts calls. The zero value is ready for use, and a nil Tally counts nothing. It is safe for concurrent use.
type Tally struct {
	mu     sync.Mutex
	counts map[Operation]*Count
}

// Install makes every client of the configuration count here; it returns a changed copy.
func (t *Tally) Install(cfg aws.Config) aws.Config {
	if t == nil {
		return cfg
	}
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		// The steps of deserialization are taken anew for every attempt.
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Tally", t.count), middleware.Before)
	})
	return cfg
}

func (t *Tally) count(
	ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	t.add(Operation{awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)}, func(c *Count) {
		c.Calls++
		if err != nil {
			c.Failed++
		}
		if Throttled(err) {
			c.Throttled++
		}
	})
	return out, metadata, err //nolint:wrapcheck // a middleware hands on what it saw
}

// AddUnits notes what DynamoDB says that a call consumed.
func (t *Tally) AddUnits(o Operation, read, write float64) {
	if t == nil {
		return
	}
	t.add(o, func(c *Count) {
		c.ReadUnits += read
		c.WriteUnits += write
	})
}

func (t *Tally) add(o Operation, f func(*Count)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[Operation]*Count{}
	}
	if t.counts[o] == nil {
		t.counts[o] = &Count{}
	}
	f(t.counts[o])
}

// Counts returns what was counted until now.
func (t *Tally) Counts() Counts {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(Counts, len(t.counts))
	for o, c := range t.counts {
		out[o] = *c
	}
	return out
}

// Counts is what was counted by a moment.
type Counts map[Operation]Count

// Since returns what was counted after an earlier moment of the same tally.
func (c Counts) Since(before Counts) Counts {
	out := Counts{}
	for o, n := range c {
		b := before[o]
		d := Count{
			Calls: n.Calls - b.Calls, Failed: n.Failed - b.Failed, Throttled: n.Throttled - b.Throttled,
			ReadUnits: n.ReadUnits - b.ReadUnits, WriteUnits: n.WriteUnits - b.WriteUnits,
		}
		if d != (Count{}) {
			out[o] = d
		}
	}
	return out
}

// Total adds up all operations.
func (c Counts) Total() Count {
	var sum Count
	for _, n := range c {
		sum.Calls += n.Calls
		sum.Failed += n.Failed
		sum.Throttled += n.Throttled
		sum.ReadUnits += n.ReadUnits
		sum.WriteUnits += n.WriteUnits
	}
	return sum
}

// Operations lists what was called, by service and name.
func (c Counts) Operations() []Operation {
	return slices.SortedFunc(maps.Keys(c), func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Name, b.Name))
	})
}

// Throttled says whether AWS refused a call for its rate, and so has done nothing.
func Throttled(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "ThrottledException", "RequestLimitExceeded",
		"RequestThrottled", "RequestThrottledException", "TooManyRequestsException", "SlowDown", "BandwidthLimitExceeded",
		"KmsThrottled", "AWS.SimpleQueueService.RequestThrottled":
		return true
	default:
		return false
	}
}
