package sqs

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// SQS has no way to look at a message without taking it: dead letters are received with a short visibility and given back.
const (
	peekMost       = 1000 // beyond them the oldest may not be among those seen
	peekVisibility = 30 * time.Second
	peekWait       = 1 // seconds, since only a poll that waits asks all of SQS's servers
)

// Dead implements queue.Queue. It takes a second at least, looks at 1,000 dead letters at most, and hides them meanwhile
// from others who look; if the process dies meanwhile, for 30 s.
func (q *Queue) Dead(ctx context.Context, limit int) ([]queue.Message, error) {
	if err := queue.CheckReceive(limit); err != nil {
		return nil, err
	}
	messages, err := q.peek(ctx)
	if err != nil {
		return nil, q.fail("listing the dead letters of "+q.name, err)
	}
	slices.SortFunc(messages, func(a, b queue.Message) int {
		return cmp.Or(a.Sent.Compare(b.Sent), cmp.Compare(a.ID, b.ID))
	})
	return messages[:min(limit, len(messages))], nil
}

func (q *Queue) peek(ctx context.Context) ([]queue.Message, error) {
	if err := q.open(ctx); err != nil {
		return nil, err
	}
	place, err := q.dead(ctx)
	if err != nil {
		return nil, err
	}
	q.deadMu.Lock()
	defer q.deadMu.Unlock()
	seen := map[string]types.Message{}
	defer func() { q.giveBack(context.WithoutCancel(ctx), &place.url, slices.Collect(maps.Values(seen))) }()
	for len(seen) < peekMost {
		batch, err := q.takeDead(ctx, place, peekVisibility)
		if err != nil {
			return nil, err
		}
		known := len(seen)
		for _, m := range batch {
			seen[aws.ToString(m.MessageId)] = m
		}
		if len(seen) == known { // none, or none but those whose time ran out while the others were looked at
			break
		}
	}
	out := make([]queue.Message, 0, len(seen))
	for _, m := range seen {
		d := messageOf(m)
		// Whoever looked counts as well; it died of as many as the policy says.
		d.Receives, d.Receipt = min(d.Receives, place.maxReceives), ""
		out = append(out, d)
	}
	return out, nil
}

func (q *Queue) takeDead(ctx context.Context, place deadPlace, visibility time.Duration) ([]types.Message, error) {
	var batch []types.Message
	err := q.ask(ctx, func(ctx context.Context) error {
		out, err := q.short.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &place.url, MaxNumberOfMessages: queue.MaxBatch, WaitTimeSeconds: peekWait, VisibilityTimeout: wholeSeconds(visibility),
			MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: systemAttributes(),
		})
		if err == nil {
			batch = out.Messages
		}
		return err //nolint:wrapcheck // the caller says what it was doing
	})
	return batch, err
}
