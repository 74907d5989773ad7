package dynamodb

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
)

// outcome is what is known of a failed attempt.
type outcome int

const (
	unknown   outcome = iota // it may have succeeded: no answer, or one that a server in trouble gave
	refused                  // conditions did not hold; nothing was done
	contended                // another transaction was in the way; nothing was done
	throttled                // refused for the rate; nothing was done
	hopeless                 // refused for a reason that no other attempt changes; nothing was done
)

// The reasons why a transaction was cancelled, one for each of its writes, as the API's reference lists them.
const (
	reasonCondition  = "ConditionalCheckFailed"
	reasonConflict   = "TransactionConflict"
	reasonThrottling = "ThrottlingError"
	reasonThroughput = "ProvisionedThroughputExceeded"
	reasonNone       = "None"
)

// classify says what is known of an attempt that ended with an error, and which writes of a transaction were refused.
func classify(err error) (outcome, []int) {
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return classifyReasons(cancelled.CancellationReasons)
	}
	if errors.Is(err, errUnprocessed) || errors.Is(err, errUnread) {
		return throttled, nil
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return unknown, nil
	}
	if awsclient.Throttled(err) {
		return throttled, nil
	}
	switch api.ErrorCode() {
	case "TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException":
		return contended, nil
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.HTTPStatusCode() >= http.StatusBadRequest && answer.HTTPStatusCode() < http.StatusInternalServerError {
		return hopeless, nil
	}
	return unknown, nil
}

// classifyReasons lets a condition that does not hold decide over everything else: trying again would not make it hold.
func classifyReasons(reasons []types.CancellationReason) (outcome, []int) {
	var failed []int
	result := unknown // a cancellation without a reason is no answer
	for i, r := range reasons {
		switch aws.ToString(r.Code) {
		case reasonCondition:
			failed = append(failed, i)
		case reasonConflict:
			result = contended
		case reasonThrottling, reasonThroughput:
			if result != contended {
				result = throttled
			}
		case reasonNone, "":
		default:
			if len(failed) == 0 && result == unknown {
				result = hopeless
			}
		}
	}
	if failed != nil {
		return refused, failed
	}
	return result, nil
}

// explain adds what to do about an error that stays.
func (s *Store) explain(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		return fmt.Errorf("there is no table %s in this account and region, or its indexes are missing: create it first, for development by `runs-fleet deploy`: %w", *s.table, err)
	case "AccessDeniedException":
		return fmt.Errorf("these credentials may not do that to table %s: %w", *s.table, err)
	case "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException", "MissingAuthenticationTokenException":
		return fmt.Errorf("AWS does not accept these credentials, or this machine's clock is wrong: %w", err)
	default:
		return err
	}
}
