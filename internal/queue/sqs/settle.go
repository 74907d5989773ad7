package sqs

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// receiptMark begins every receipt of this package, so that one of another queue is told from one that has run out.
const receiptMark = "sqs:"

func parseReceipt(receipt string) (*string, error) {
	handle, ok := strings.CutPrefix(receipt, receiptMark)
	if !ok || handle == "" {
		return nil, fmt.Errorf("%w: malformed receipt %q", queue.ErrInvalid, receipt)
	}
	return &handle, nil
}

// Delete implements queue.Queue.
func (q *Queue) Delete(ctx context.Context, receipts ...string) error {
	if err := queue.CheckDelete(receipts); err != nil {
		return err
	}
	pending := map[string]types.DeleteMessageBatchRequestEntry{}
	for i, r := range receipts {
		handle, err := parseReceipt(r)
		if err != nil {
			return err
		}
		pending[*handle] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: handle} // once
	}
	doing := fmt.Sprintf("deleting %d messages of %s", len(receipts), q.name)
	if err := q.open(ctx); err != nil {
		return q.fail(doing, err)
	}
	if len(receipts) == 0 {
		return nil
	}
	url, err := q.url(ctx)
	if err != nil {
		return q.fail(doing, err)
	}
	return q.fail(doing, q.deleteAll(ctx, *url, pending))
}

// deleteAll deletes until nothing is left but what is refused for good. A receipt that has run out is no error.
func (q *Queue) deleteAll(ctx context.Context, url string, pending map[string]types.DeleteMessageBatchRequestEntry) error {
	var refused error
	err := q.ask(ctx, func(ctx context.Context) error {
		in := &sqs.DeleteMessageBatchInput{QueueUrl: &url}
		byID := map[string]string{}
		for handle, e := range pending {
			in.Entries = append(in.Entries, e)
			byID[aws.ToString(e.Id)] = handle
		}
		out, err := q.short.DeleteMessageBatch(ctx, in)
		if err != nil {
			return err //nolint:wrapcheck // Delete says what it was doing
		}
		for _, e := range out.Successful {
			delete(pending, byID[aws.ToString(e.Id)])
		}
		for _, e := range out.Failed {
			entry := refusal(e)
			switch {
			case entry.code == codeReceipt:
				delete(pending, byID[aws.ToString(e.Id)])
			case entry.passing:
				err = entry
			default:
				refused = entry
				delete(pending, byID[aws.ToString(e.Id)])
			}
		}
		if err == nil && len(pending) > 0 {
			err = errSilent()
		}
		return err
	})
	if err != nil {
		return err
	}
	return refused
}

// Extend implements queue.Queue, in whole seconds.
func (q *Queue) Extend(ctx context.Context, receipt string, d time.Duration) error {
	if err := queue.CheckExtend(d); err != nil {
		return err
	}
	handle, err := parseReceipt(receipt)
	if err != nil {
		return err
	}
	doing := "extending a delivery of " + q.name
	if err := q.open(ctx); err != nil {
		return q.fail(doing, err)
	}
	url, err := q.url(ctx)
	if err != nil {
		return q.fail(doing, err)
	}
	err = q.ask(ctx, func(ctx context.Context) error {
		_, err := q.short.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
			QueueUrl: url, ReceiptHandle: handle, VisibilityTimeout: wholeSeconds(d),
		})
		return err //nolint:wrapcheck // described below
	})
	// The time has been checked, so that a parameter that is invalid is the receipt of a message that is gone, or twelve
	// hours of one delivery are over.
	if isCode(err, codeReceipt, codeNotInFlight, codeParameter) {
		return fmt.Errorf("%s: %w (%w)", doing, queue.ErrReceipt, err)
	}
	return q.fail(doing, err)
}
