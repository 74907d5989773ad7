package sqs

import (
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// maxBatchBytes is the most that one call carries, but for a single message that is larger by what SQS counts and we do
// not. SQS would take four times as much and bill it as four times as much.
const maxBatchBytes = queue.MaxBodyBytes

// fitting says how many of the messages, in their order, go into the next call: at least one.
func fitting(messages []*outgoing) int {
	n, size := 0, 0
	for _, m := range messages {
		size += m.bytes()
		if n > 0 && (n == queue.MaxBatch || size > maxBatchBytes) {
			break
		}
		n++
	}
	return n
}

// wholeSeconds rounds up, so that nothing comes early.
func wholeSeconds(d time.Duration) int32 {
	return int32((d + time.Second - 1) / time.Second)
}

// failed are the entries of a batch that were refused, by their place in it.
func failed(entries []types.BatchResultErrorEntry) map[int]types.BatchResultErrorEntry {
	out := map[int]types.BatchResultErrorEntry{}
	for _, e := range entries {
		if i, err := strconv.Atoi(aws.ToString(e.Id)); err == nil {
			out[i] = e
		}
	}
	return out
}

// refusal is the error of one entry. What was not the sender's fault may be accepted another time.
func refusal(e types.BatchResultErrorEntry) *refusedError {
	api := &smithy.GenericAPIError{Code: aws.ToString(e.Code), Message: aws.ToString(e.Message)}
	return &refusedError{code: plain(api.Code), err: api, passing: !e.SenderFault || awsclient.Throttled(api)}
}

// errSilent is for an answer that leaves entries out.
func errSilent() error {
	return &refusedError{err: errors.New("the answer says nothing of a message"), passing: true}
}
