package s3

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
)

// A call is tried so often. The wait before the n-th repetition is a random part of retryBase doubled n times, at most
// retryMost: replicas that were throttled together do not come back together.
const (
	attempts  = 5
	retryBase = 100 * time.Millisecond
	retryMost = 5 * time.Second
)

// call makes one call until it has an answer that repeating does not change, each attempt under its own deadline. Every call
// of this package may be repeated after an unknown outcome: it either has the same effect again, or finds out that the first
// attempt had it.
func (s *Store) call(ctx context.Context, deadline time.Duration, do func(context.Context) error) error {
	var err error
	for attempt := 0; ; attempt++ {
		if err = s.attempt(ctx, deadline, do); err == nil || attempt+1 == attempts || !again(err) || ctx.Err() != nil {
			break
		}
		if s.clock.Sleep(ctx, s.pause(attempt)) != nil {
			break
		}
	}
	if err != nil && ctx.Err() != nil {
		return errors.Join(ctx.Err(), err) // the caller gave up; the SDK's error does not always say so
	}
	return err
}

func (s *Store) attempt(ctx context.Context, deadline time.Duration, do func(context.Context) error) error {
	ctx, cancel := s.clock.WithTimeout(ctx, deadline)
	defer cancel()
	return do(ctx)
}

// pause is the wait after so many repetitions.
func (s *Store) pause(attempt int) time.Duration {
	most := min(retryBase<<attempt, retryMost)
	return time.Duration(s.random.Uint64() % uint64(most))
}

// again says whether the same call can have another answer. What has no status was lost on the way.
func again(err error) bool {
	code, status := awsclient.CodeOf(err)
	switch code {
	case "SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded", "InternalError",
		"ServiceUnavailable", "OperationAborted", codeConflict,
		"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch": // damaged on the way
		return true
	case codeNotImplemented: // has a status of 501
		return false
	}
	if status == 0 {
		return code == "" && !awsclient.Unsigned(err)
	}
	// An answer without a code was cut before it could be read, so that nobody knows what it meant.
	return code == "" || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}
