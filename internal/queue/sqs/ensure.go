package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// deadSuffix is put behind the queue's name for that of its dead letters.
const deadSuffix = "-dead"

// What Ensure sets.
const (
	retention     = 4 * 24 * time.Hour  // GitHub cancels a job that was queued for a day: older messages are of no use
	deadRetention = 14 * 24 * time.Hour // the longest that SQS keeps a message; it counts from when the message was first sent
	maxMessage    = 1 << 20             // what SQS takes at most: some more than ours, since it counts the types of attributes
)

// Ensure makes the queue and the one of its dead letters for development, or brings their attributes up to date. In
// production a template makes them. The queue has no wait of its own, as every receive says how long it waits.
func (q *Queue) Ensure(ctx context.Context) error {
	if err := q.ensure(ctx); err != nil {
		return q.fail("making the queue "+q.name, err)
	}
	return nil
}

func (q *Queue) ensure(ctx context.Context) error {
	deadURL, deadARN, err := q.make(ctx, q.name+deadSuffix)
	if err != nil {
		return err
	}
	url, arn, err := q.make(ctx, q.name)
	if err != nil {
		return err
	}
	if err := q.set(ctx, deadURL, map[string]string{
		"MessageRetentionPeriod": inSeconds(deadRetention), "SqsManagedSseEnabled": "true",
		"RedriveAllowPolicy": policy(map[string]any{"redrivePermission": "byQueue", "sourceQueueArns": []string{arn}}),
	}); err != nil {
		return err
	}
	if err := q.set(ctx, url, map[string]string{
		"MessageRetentionPeriod": inSeconds(retention), "SqsManagedSseEnabled": "true", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0",
		"VisibilityTimeout": inSeconds(q.opts.Visibility),
		"RedrivePolicy":     policy(map[string]any{"deadLetterTargetArn": deadARN, "maxReceiveCount": strconv.Itoa(q.opts.MaxReceives)}),
	}); err != nil {
		return err
	}
	for _, url := range []string{url, deadURL} {
		err := q.set(ctx, url, map[string]string{"MaximumMessageSize": strconv.Itoa(maxMessage)})
		if err != nil && !isCode(err, codeAttribute) { // a service that takes less
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.found = places{}
	return nil
}

// make returns a queue that is there, or makes it.
func (q *Queue) make(ctx context.Context, name string) (url, arn string, err error) {
	url, err = q.urlOf(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if isCode(err, codeNoQueue) {
		err = q.ask(ctx, func(ctx context.Context) error {
			out, err := q.short.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
			if err == nil {
				url = aws.ToString(out.QueueUrl)
			}
			return err //nolint:wrapcheck // Ensure says what it was doing
		})
	}
	if err != nil {
		return "", "", err
	}
	attributes, err := q.attributes(ctx, url, types.QueueAttributeNameQueueArn)
	return url, attributes[string(types.QueueAttributeNameQueueArn)], err
}

func (q *Queue) set(ctx context.Context, url string, attributes map[string]string) error {
	return q.ask(ctx, func(ctx context.Context) error {
		_, err := q.short.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: attributes})
		return err //nolint:wrapcheck // Ensure says what it was doing
	})
}

func inSeconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

func policy(p map[string]any) string {
	b, err := json.Marshal(p)
	if err != nil { // plain data
		panic(fmt.Sprintf("sqs: %s", err))
	}
	return string(b)
}
