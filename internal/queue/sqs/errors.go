package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
)

// Error is an answer of SQS that is none of the queue's errors, or a call that had none.
type Error = awsclient.Error

// refusedError is of an entry of a batch.
type refusedError struct {
	code    string
	passing bool // the same again may be accepted
	err     error
}

func (e *refusedError) Error() string { return e.err.Error() }

func (e *refusedError) Unwrap() error { return e.err }

// The codes that are dealt with (Amazon SQS API Reference, "Common Errors" and the errors of each action).
const (
	codeNoQueue      = "QueueDoesNotExist"
	codeDeleted      = "QueueDeletedRecently"
	codeReceipt      = "ReceiptHandleIsInvalid"
	codeNotInFlight  = "MessageNotInflight"
	codeParameter    = "InvalidParameterValue"
	codeAttribute    = "InvalidAttributeValue"
	codeUnsupported  = "UnsupportedOperation"
	codeAction       = "InvalidAction"
	codeUnknown      = "UnknownOperationException"
	codeDenied       = "AccessDenied"
	codeDeniedExcept = "AccessDeniedException"
)

// plain is a code by its present name: the same error has an older one, which the SDK prefers, and which of them an answer
// has depends on the protocol.
func plain(code string) string {
	code = strings.TrimPrefix(code, "AWS.SimpleQueueService.")
	if code == "NonExistentQueue" {
		return codeNoQueue
	}
	return code
}

// codeOf returns SQS's code and the status of the answer, nothing if there was none.
func codeOf(err error) (code string, status int) {
	code, status = awsclient.CodeOf(err)
	return plain(code), status
}

func isCode(err error, codes ...string) bool {
	code, _ := codeOf(err)
	return slices.Contains(codes, code)
}

// again says whether the same call can have another answer. What has no status was lost on the way.
func again(err error) bool {
	if entry, ok := errors.AsType[*refusedError](err); ok {
		return entry.passing
	}
	if errors.Is(err, errClosed) || errors.Is(err, context.Canceled) {
		return false
	}
	if awsclient.Throttled(err) {
		return true
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok { // cut off, whatever its status
		return true
	}
	code, status := codeOf(err)
	switch code {
	case "InternalError", "InternalFailure", "ServiceUnavailable", "RequestTimeout", "OverLimit":
		return true
	}
	if status == 0 {
		return code == "" && !awsclient.Unsigned(err)
	}
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError || status == http.StatusOK // damaged on the way
}

// fail describes the error of a call.
func (q *Queue) fail(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, errClosed):
		return fmt.Errorf("%s: %w", doing, err)
	}
	if entry, ok := errors.AsType[*refusedError](err); ok {
		return &Error{Service: sqs.ServiceID, Doing: doing, Code: entry.code, Err: entry.err}
	}
	if told, ok := errors.AsType[*Error](err); ok { // by a call on the way, or for one message of several
		out := *told
		out.Doing = doing
		return &out
	}
	code, _ := codeOf(err)
	out := awsclient.Failed(sqs.ServiceID, doing, code, err)
	out.Remedy = q.remedy(out.Code, err)
	return out
}

func (q *Queue) remedy(code string, err error) string {
	switch {
	case code == codeNoQueue:
		return fmt.Sprintf("make the queue %s (runs-fleet deploy dev makes one for development), or correct its name, region or account", q.name)
	case code == codeDeleted:
		return "a queue of this name was deleted within the last minute: try again in a minute"
	case code == codeDenied, code == codeDeniedExcept, code == "KmsAccessDenied":
		return "the credentials need sqs:SendMessage, sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility, sqs:GetQueueUrl and " +
			"sqs:GetQueueAttributes on the queue and on that of its dead letters, and kms:Decrypt and kms:GenerateDataKey if it has a key of yours"
	case code == "InvalidClientTokenId", code == "SignatureDoesNotMatch", code == "UnrecognizedClientException":
		return "AWS does not know these credentials: correct the access key and the secret key"
	case code == "ExpiredToken", code == "ExpiredTokenException":
		return "the credentials have ended: renew them"
	case code == "RequestExpired", code == "InvalidSignatureException":
		return "the signature is not accepted: set the clock of this machine, and correct the secret key"
	case code == "" && awsclient.Unsigned(err):
		return awsclient.NoCredentials
	default:
		return ""
	}
}
