package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	maxAttempts = 8
	// The pauses between attempts are drawn between nothing and a bound that doubles from the first to the longest: about
	// a second and a half in all, on average. A caller whose context allows more calls again.
	firstPause   = 25 * time.Millisecond
	longestPause = time.Second
)

// ErrThrottled is wrapped when DynamoDB refused a call for its rate, attempt after attempt, so that nothing was written.
var ErrThrottled = errors.New("DynamoDB throttles this table: see the consumption of its partitions, and whether its limits are set too low")

// refusedError says that a transaction was not made: the writes whose conditions did not hold, or none of them if other
// transactions got in the way until the attempts were spent.
type refusedError struct {
	failed []int
	cause  error
}

func (e *refusedError) Error() string { return e.cause.Error() }
func (e *refusedError) Unwrap() error { return e.cause }

// call makes attempts until one brings an outcome that another could not change. An error that is neither a *refusedError
// nor ErrThrottled leaves the outcome of a write unknown.
func (s *Store) call(ctx context.Context, attempt func(context.Context) error) error {
	if s.closed.Load() {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var lost error // an attempt that may have succeeded
	for n := 1; ; n++ {
		err := s.once(ctx, attempt)
		if err == nil {
			return nil
		}
		if ended := ctx.Err(); ended != nil {
			return fmt.Errorf("%w: %w", ended, err)
		}
		outcome, failed := classify(err)
		switch outcome {
		case refused:
			return &refusedError{failed: failed, cause: err}
		case hopeless:
			return s.explain(err)
		case unknown:
			lost = err
		case contended, throttled:
		}
		if n == maxAttempts {
			return spent(outcome, err, lost)
		}
		if ended := s.clock.Sleep(ctx, s.pause(n)); ended != nil {
			return fmt.Errorf("%w, after: %w", ended, err)
		}
	}
}

func (s *Store) once(ctx context.Context, attempt func(context.Context) error) error {
	ctx, cancel := s.clock.WithTimeout(ctx, s.timeout)
	defer cancel()
	return attempt(ctx)
}

// spent is the error of a call whose attempts have all failed.
func spent(outcome outcome, last, lost error) error {
	switch {
	case lost != nil:
		return fmt.Errorf("no answer after %d attempts: %w", maxAttempts, lost)
	case outcome == contended:
		return &refusedError{cause: last}
	default:
		return fmt.Errorf("%w (%w)", ErrThrottled, last)
	}
}

// pause is drawn at random, so that writers that met do not meet again.
func (s *Store) pause(attempt int) time.Duration {
	bound := min(firstPause<<(attempt-1), longestPause)
	return time.Duration(s.random.Uint64() % uint64(bound))
}
