package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Error is an answer of S3 that is none of blob's errors, or a call that had none.
type Error struct {
	Doing   string // a gerund phrase
	Status  int    // of HTTP; 0 when no answer came
	Code    string // S3's, such as AccessDenied; empty when no answer came
	Request string // S3's id of the request, which its operators can look up
	Remedy  string // what to do, if that is known
	Err     error
}

func (e *Error) Error() string {
	text := e.Doing + ": "
	if e.Code != "" || e.Status != 0 {
		text += fmt.Sprintf("S3 answers %d %s: ", e.Status, e.Code)
	}
	text += message(e.Err)
	if e.Remedy != "" {
		text += ": " + e.Remedy
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// message is what S3 says, without the SDK's account of where it was said.
func message(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorMessage() != "" {
		return api.ErrorMessage()
	}
	return err.Error()
}

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

// codeOf returns S3's code and the status of the answer, nothing if there was none.
func codeOf(err error) (code string, status int) {
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = answer.HTTPStatusCode()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	return code, status
}

func isCode(err error, codes ...string) bool {
	code, _ := codeOf(err)
	return slices.Contains(codes, code)
}

// fail describes the error of a call.
func (s *Store) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	out := &Error{Doing: doing, Err: err}
	out.Code, out.Status = codeOf(err)
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		out.Request = answer.RequestID
	}
	out.Remedy = s.remedy(out.Code, out.Status, err)
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
	if status == 0 && isSigning(err) {
		return "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the machine a role"
	}
	if status == http.StatusForbidden {
		return fmt.Sprintf("the credentials may not do this with the bucket %s", s.bucket)
	}
	return ""
}

// notFound says that what was asked for is not there, in answers without a code as well.
func notFound(err error) bool {
	_, status := codeOf(err)
	return status == http.StatusNotFound
}
