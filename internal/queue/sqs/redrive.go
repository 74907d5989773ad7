package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	moveEvery      = time.Second // how often a move is looked at
	moveVisibility = time.Minute // of a dead letter while it is returned by hand

	taskRunning   = "RUNNING"
	taskCompleted = "COMPLETED"
)

// Redrive implements queue.Queue. SQS moves the dead letters by itself where it can and the credentials allow it, with new
// ids; else they are sent and deleted one batch after the other, which delivers some twice if it is interrupted.
func (q *Queue) Redrive(ctx context.Context) (int, error) {
	doing := "returning the dead letters of " + q.name
	if err := q.open(ctx); err != nil {
		return 0, q.fail(doing, err)
	}
	place, err := q.dead(ctx)
	if err != nil {
		return 0, q.fail(doing, err)
	}
	q.deadMu.Lock()
	defer q.deadMu.Unlock()
	n, err := q.move(ctx, place)
	if isCode(err, codeUnsupported, codeAction, codeUnknown, codeDenied, codeDeniedExcept) {
		q.log.WarnContext(ctx, "the service moves no messages for us; returning dead letters one by one", "queue", q.name, "error", err)
		q.opts.ByHand()
		n, err = q.moveByHand(ctx, place)
	}
	return n, q.fail(doing, err)
}

// move lets SQS move the dead letters. It does one such task of a queue at a time (failure mode B10).
func (q *Queue) move(ctx context.Context, place deadPlace) (int, error) {
	task, err := q.task(ctx, place)
	for err == nil && task.status == taskRunning { // somebody else's; what it leaves is ours
		if err = q.opts.Clock.Sleep(ctx, moveEvery); err == nil {
			task, err = q.task(ctx, place)
		}
	}
	if err != nil {
		return 0, err
	}
	q.mu.Lock()
	to := q.found.arn
	q.mu.Unlock()
	// An answer that got lost shows as a task that runs: the repetition is refused, and the task is looked at all the same.
	lost := false
	err = q.ask(ctx, func(ctx context.Context) error {
		_, err := q.short.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &place.arn, DestinationArn: &to})
		lost = lost || err != nil && again(err)
		return err //nolint:wrapcheck // Redrive says what it was doing
	})
	if err != nil && !lost {
		return 0, err
	}
	for {
		task, taskErr := q.task(ctx, place)
		switch {
		case taskErr != nil:
			return 0, taskErr
		case task.status == taskCompleted:
			return task.moved, nil
		case task.status != taskRunning:
			return task.moved, errors.Join(err, fmt.Errorf("the move ended as %s after %d messages: %s", task.status, task.moved, task.reason))
		}
		if err := q.opts.Clock.Sleep(ctx, moveEvery); err != nil {
			return task.moved, fmt.Errorf("SQS goes on moving, %d messages until now: %w", task.moved, err)
		}
	}
}

// task is the newest move of the dead letters; none has no status.
type task struct {
	status, reason string
	moved          int
}

func (q *Queue) task(ctx context.Context, place deadPlace) (task, error) {
	var t task
	err := q.ask(ctx, func(ctx context.Context) error {
		out, err := q.short.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &place.arn})
		if err == nil && len(out.Results) > 0 {
			r := out.Results[0]
			t = task{status: aws.ToString(r.Status), reason: aws.ToString(r.FailureReason), moved: int(r.ApproximateNumberOfMessagesMoved)}
		}
		return err //nolint:wrapcheck // Redrive says what it was doing
	})
	return t, err
}

// moveByHand sends each dead letter before it deletes it (failure mode A11).
func (q *Queue) moveByHand(ctx context.Context, place deadPlace) (int, error) {
	moved := 0
	for {
		batch, err := q.takeDead(ctx, place, moveVisibility)
		if err != nil || len(batch) == 0 {
			return moved, err
		}
		n, err := q.moveBatch(ctx, place, batch)
		moved += n
		if err != nil {
			return moved, err
		}
	}
}

func (q *Queue) moveBatch(ctx context.Context, place deadPlace, batch []types.Message) (int, error) {
	again := make([]*outgoing, 0, len(batch))
	for _, m := range batch {
		again = append(again, &outgoing{encoded: encoded{body: aws.ToString(m.Body), attributes: m.MessageAttributes}})
	}
	var refused error
	sent := map[string]types.DeleteMessageBatchRequestEntry{}
	var kept []types.Message
	for from := 0; from < len(again); {
		n := fitting(again[from:])
		for i, err := range q.sendBatch(ctx, again[from:from+n]) {
			m := batch[from+i]
			if err != nil {
				refused = err
				kept = append(kept, m)
				continue
			}
			sent[aws.ToString(m.ReceiptHandle)] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(from + i)), ReceiptHandle: m.ReceiptHandle}
		}
		from += n
	}
	n := len(sent)
	if n > 0 {
		if err := q.deleteAll(context.WithoutCancel(ctx), place.url, sent); err != nil {
			return n, err
		}
	}
	q.giveBack(context.WithoutCancel(ctx), &place.url, kept)
	return n, refused
}
