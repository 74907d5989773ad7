package sqs

import (
	"context"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// Ready implements queue.Queue: it reads an attribute of the queue, which shows that SQS answers, that the credentials are
// good and that the queue is there. Whether they may send shows only when something is sent.
func (q *Queue) Ready(ctx context.Context) error {
	doing := "checking the queue " + q.name
	if err := q.open(ctx); err != nil {
		return q.fail(doing, err)
	}
	url, err := q.url(ctx)
	if err == nil {
		_, err = q.attributes(ctx, *url, types.QueueAttributeNameQueueArn)
	}
	return q.fail(doing, err)
}

// Depth counts the queue's messages, approximately: SQS's numbers settle about a minute after the last change. Dead letters
// that somebody looks at are counted too.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	doing := "counting the messages of " + q.name
	if err := q.open(ctx); err != nil {
		return queue.Depth{}, q.fail(doing, err)
	}
	url, err := q.url(ctx)
	if err != nil {
		return queue.Depth{}, q.fail(doing, err)
	}
	visible, later, taken, err := q.count(ctx, *url)
	if err != nil {
		return queue.Depth{}, q.fail(doing, err)
	}
	d := queue.Depth{Ready: visible + later, Taken: taken}
	place, err := q.dead(ctx)
	if errors.Is(err, errNoDead) {
		return d, nil
	}
	if err == nil {
		visible, later, taken, err = q.count(ctx, place.url)
		d.Dead = visible + later + taken
	}
	return d, q.fail(doing, err)
}

func (q *Queue) count(ctx context.Context, url string) (visible, later, taken int, err error) {
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}
	attributes, err := q.attributes(ctx, url, names...)
	if err != nil {
		return 0, 0, 0, err
	}
	for i, n := range []*int{&visible, &later, &taken} {
		if *n, err = strconv.Atoi(attributes[string(names[i])]); err != nil {
			return 0, 0, 0, err //nolint:wrapcheck // Depth says what it was doing
		}
	}
	return visible, later, taken, nil
}
