package sqs

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// longestPoll is the longest that SQS lets a receiver wait.
const longestPoll = 20 * time.Second

// Receive implements queue.Queue. It waits in whole seconds. Without a wait SQS asks only some of its servers, and may find
// nothing although there is something: who wants to be sure waits for a second at least.
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	if err := queue.CheckReceive(limit); err != nil {
		return nil, err
	}
	messages, err := q.receive(ctx, min(limit, queue.MaxBatch), wait)
	if err != nil {
		return nil, q.fail("receiving messages from "+q.name, err)
	}
	return messages, nil
}

func (q *Queue) receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	if err := q.open(ctx); err != nil {
		return nil, err
	}
	url, err := q.url(ctx)
	if err != nil {
		return nil, err
	}
	deadline := q.opts.Clock.Now().Add(wait)
	for {
		left := min(max(deadline.Sub(q.opts.Clock.Now()), 0), longestPoll)
		received, err := q.poll(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: url, MaxNumberOfMessages: int32(limit), WaitTimeSeconds: wholeSeconds(left),
			VisibilityTimeout: wholeSeconds(q.opts.Visibility), MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: systemAttributes(),
		})
		if err != nil {
			return nil, err
		}
		if len(received) > 0 {
			return q.messages(received), nil
		}
		if !q.opts.Clock.Now().Before(deadline) {
			return nil, nil
		}
	}
}

func systemAttributes() []types.MessageSystemAttributeName {
	return []types.MessageSystemAttributeName{
		types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateReceiveCount,
	}
}

// poll asks once, with repetitions. A poll that was sent is always waited for: SQS does not notice that a receiver has gone,
// and what it delivers to nobody stays invisible for a minute, while a job waits. A caller
// that gives up, or Close, leaves the poll behind; what it brings is given back.
func (q *Queue) poll(ctx context.Context, in *sqs.ReceiveMessageInput) ([]types.Message, error) {
	if err := q.begin(); err != nil {
		return nil, err
	}
	type answer struct {
		messages []types.Message
		err      error
	}
	answers := make(chan answer)
	asking, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer q.end()
		defer cancel()
		messages, err := q.pollFor(asking, ctx, in)
		select {
		case answers <- answer{messages, err}:
		case <-ctx.Done():
			q.giveBack(asking, in.QueueUrl, messages)
		case <-q.closing:
			q.giveBack(asking, in.QueueUrl, messages)
		}
	}()
	select {
	case a := <-answers:
		return a.messages, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-q.closing:
		return nil, errClosed
	}
}

// pollFor repeats a poll that has no answer, until the caller has given up.
func (q *Queue) pollFor(ctx, caller context.Context, in *sqs.ReceiveMessageInput) ([]types.Message, error) {
	var messages []types.Message
	limit := time.Duration(in.WaitTimeSeconds)*time.Second + callMargin
	err := q.call(ctx, func() time.Duration { return limit }, func(ctx context.Context) error {
		if err := q.open(caller); err != nil {
			return err
		}
		out, err := q.long.ReceiveMessage(ctx, in)
		if err == nil {
			messages = out.Messages
		}
		return err //nolint:wrapcheck // Receive says what it was doing
	})
	return messages, err
}

func (q *Queue) messages(received []types.Message) []queue.Message {
	out := make([]queue.Message, 0, len(received))
	for _, m := range received {
		out = append(out, messageOf(m))
	}
	return out
}

func messageOf(m types.Message) queue.Message {
	out := queue.Message{ID: aws.ToString(m.MessageId), Receipt: receiptMark + aws.ToString(m.ReceiptHandle), Receives: 1}
	out.Body, out.Attributes = decode(m)
	if n, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		out.Sent = time.UnixMilli(n).UTC()
	}
	if n, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)]); err == nil {
		out.Receives = max(n, 1)
	}
	return out
}

// giveBack makes messages visible that nobody works on. What cannot be given back comes by itself when its time is over.
func (q *Queue) giveBack(ctx context.Context, url *string, messages []types.Message) {
	for len(messages) > 0 {
		n := min(len(messages), queue.MaxBatch)
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, 0, n)
		for i, m := range messages[:n] {
			entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
		}
		messages = messages[n:]
		err := q.ask(ctx, func(ctx context.Context) error {
			out, err := q.short.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: entries})
			if err == nil && len(out.Failed) > 0 {
				err = refusal(out.Failed[0])
			}
			return err
		})
		if err != nil {
			q.log.WarnContext(ctx, "messages that nobody works on come back after the queue's own time", "queue", q.name, "messages", n,
				"error", q.fail("giving back messages", err))
		}
	}
}
