package sqs

import (
	"context"
	"errors"
	"time"
)

// A call is tried so often. The wait before a repetition is a random part of a bound that doubles from retryFirst to
// retryMost, so that replicas that met do not meet again.
const (
	attempts   = 5
	retryFirst = 25 * time.Millisecond
	retryMost  = time.Second
)

// Deadlines of attempts.
const (
	callTimeout = 5 * time.Second  // SQS answers in tens of milliseconds
	callMargin  = 10 * time.Second // beyond the time that a poll may wait
	leastSend   = 100 * time.Millisecond
)

// call makes attempts until one has an answer that another could not change. Every call of this package may be repeated
// after an unknown outcome: a message that is sent twice is delivered twice, which is always possible, and all others have
// the same effect again.
func (q *Queue) call(ctx context.Context, limit func() time.Duration, attempt func(context.Context) error) error {
	var err error
	for n := 0; ; n++ {
		err = q.once(ctx, limit(), attempt)
		if err == nil || n+1 == attempts || !again(err) || ctx.Err() != nil {
			break
		}
		if q.opts.Clock.Sleep(ctx, q.pause(n)) != nil {
			break
		}
	}
	if err != nil && ctx.Err() != nil {
		return errors.Join(ctx.Err(), err) // the caller gave up; the SDK's error does not always say so
	}
	return err
}

// ask is call for what is answered at once.
func (q *Queue) ask(ctx context.Context, attempt func(context.Context) error) error {
	return q.call(ctx, func() time.Duration { return callTimeout }, attempt)
}

func (q *Queue) once(ctx context.Context, limit time.Duration, attempt func(context.Context) error) error {
	ctx, cancel := q.opts.Clock.WithTimeout(ctx, limit)
	defer cancel()
	return attempt(ctx)
}

// pause is the wait before the repetition of that number, from 0.
func (q *Queue) pause(n int) time.Duration {
	return time.Duration(q.opts.Random.Uint64() % uint64(min(retryFirst<<n, retryMost)))
}
