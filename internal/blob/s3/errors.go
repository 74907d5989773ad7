package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
)

// Error is an answer of S3 that is none of blob's errors, or a call that had none.
type Error = awsclient.Error

// The codes that are dealt with (Amazon S3 API, "Error responses").
const (
	codeNoSuchKey      = "NoSuchKey"
	codeNotFound       = "NotFound" // of a HEAD, whose answer has no body
	codeNoSuchUpload   = "NoSuchUpload"
	codeNoSuchBucket   = "NoSuchBucket"
	codePrecondition   = "PreconditionFailed"
	codeConflict       = "ConditionalRequestConflict"
	codeInvalidRange   = "InvalidRange"
	codeNotImplemented = "NotImplemented"
)

// fail describes the error of a call.
func (s *Store) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	code, status := awsclient.CodeOf(err)
	out := awsclient.Failed(s3.ServiceID, doing, code, err)
	out.Remedy = s.remedy(code, status, err)
	return out
}

func (s *Store) remedy(code string, status int, err error) string {
	switch code {
	case "AccessDenied", "Forbidden":
		return fmt.Sprintf("the credentials need s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on "+
			"arn:aws:s3:::%s/%s*, and s3:ListBucket on arn:aws:s3:::%s", s.bucket, s.prefix, s.bucket)
	case codeNoSuchBucket:
		return fmt.Sprintf("make the bucket %s in %s, or correct its name", s.bucket, s.region)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "MovedPermanently":
		return fmt.Sprintf("the bucket %s is in another region than %s: set AWS_REGION to its own", s.bucket, s.region)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return "S3 does not know these credentials: correct the access key and the secret key"
	case "ExpiredToken", "InvalidToken":
		return "the credentials have ended: renew them"
	case "RequestTimeTooSkewed":
		return "the clock of this machine is wrong: set it, and keep it right with a time service"
	case "InvalidObjectState":
		return "the object was moved to an archive: bring it back, or take that rule out of the bucket's lifecycle"
	}
	if status == 0 && awsclient.Unsigned(err) {
		return awsclient.NoCredentials
	}
	if status == http.StatusForbidden {
		return fmt.Sprintf("the credentials may not do this with the bucket %s", s.bucket)
	}
	return ""
}

// notFound says that what was asked for is not there, in answers without a code as well.
func notFound(err error) bool {
	_, status := awsclient.CodeOf(err)
	return status == http.StatusNotFound
}
