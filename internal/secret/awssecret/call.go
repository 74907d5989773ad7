package awssecret

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// A read is tried so often, each attempt for so long; the waits between are random parts of a base that doubles.
const (
	attempts     = 3
	callDeadline = 3 * time.Second
	retryBase    = 200 * time.Millisecond
)

// The codes that are dealt with.
const (
	codeParameterNotFound = "ParameterNotFound"
	codeResourceNotFound  = "ResourceNotFoundException"
	codeAccessDenied      = "AccessDeniedException"
)

// base is what both services have in common.
type base struct {
	region, name string
	clock        seam.Clock
	random       seam.Random
}

func (b base) call(ctx context.Context, do func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := b.attempt(ctx, do)
		if err == nil || attempt+1 == attempts || !again(err) || ctx.Err() != nil {
			return err
		}
		wait := time.Duration(b.random.Uint64() % uint64(retryBase<<attempt))
		if b.clock.Sleep(ctx, wait) != nil {
			return err
		}
	}
}

func (b base) attempt(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := b.clock.WithTimeout(ctx, callDeadline)
	defer cancel()
	return do(ctx)
}

// again says whether the same call can have another answer.
func again(err error) bool {
	code, status := awsclient.CodeOf(err)
	if status == 0 {
		return !awsclient.Unsigned(err)
	}
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || strings.Contains(code, "Throttling")
}

// explain says what to do about an error: which permission is missing, and in which region the secret was looked for.
func (b base) explain(err error, permission, what, create string) error {
	code, status := awsclient.CodeOf(err)
	switch {
	case code == codeParameterNotFound || code == codeResourceNotFound:
		return fmt.Errorf("there is no %s of that name in %s: make it (%s), correct the name, or name its region with ?region=REGION: %w",
			what, b.region, create, err)
	case code == codeAccessDenied && strings.Contains(strings.ToLower(err.Error()), "kms"), code == "InvalidKeyId", code == "DecryptionFailure":
		return fmt.Errorf("the credentials may not decrypt the %s: allow them kms:Decrypt on its key in %s: %w", what, b.region, err)
	case code == codeAccessDenied:
		return fmt.Errorf("the credentials may not read the %s: allow them %s on it in %s: %w", what, permission, b.region, err)
	case code == "UnrecognizedClientException" || code == "InvalidSignatureException" || code == "ExpiredTokenException":
		return fmt.Errorf("AWS does not accept the credentials: correct or renew them: %w", err)
	case awsclient.Unsigned(err):
		return fmt.Errorf("no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the "+
			"machine a role: %w", err)
	case status == 0:
		return fmt.Errorf("AWS does not answer in %s: check the region and the way there: %w", b.region, err)
	default:
		return fmt.Errorf("reading the %s in %s: %w", what, b.region, err)
	}
}
