package awsclient

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Error is an answer of a service that means nothing particular to the backend that asked, or a call that had none.
type Error struct {
	Service string // such as S3
	Doing   string // a gerund phrase
	Status  int    // of HTTP; 0 when no answer came, or when one part of a batch was refused
	Code    string // the service's, such as AccessDenied; empty when no answer came
	Request string // the service's id of the request, which its operators can look up
	Remedy  string // what to do, if that is known
	Err     error
}

// Failed describes the error of a call. The code is CodeOf's, or what the backend makes of it.
func Failed(service, doing, code string, err error) *Error {
	_, status := CodeOf(err)
	out := &Error{Service: service, Doing: doing, Status: status, Code: code, Err: err}
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		out.Request = answer.RequestID
	}
	return out
}

func (e *Error) Error() string {
	text := e.Doing + ": "
	if e.Code != "" || e.Status != 0 {
		text += e.Service + " answers"
		if e.Status != 0 {
			text += fmt.Sprintf(" %d", e.Status)
		}
		if e.Code != "" {
			text += " " + e.Code
		}
		text += ": "
	}
	text += message(e.Err)
	if e.Remedy != "" {
		text += ": " + e.Remedy
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// message is what the service says, without the SDK's account of where it was said.
func message(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorMessage() != "" {
		return api.ErrorMessage()
	}
	return err.Error()
}

// CodeOf returns the service's code and the status of its answer, nothing if there was none.
func CodeOf(err error) (code string, status int) {
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = answer.HTTPStatusCode()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	return code, status
}

// IsCode says whether an error is an answer with one of these codes.
func IsCode(err error, codes ...string) bool {
	code, _ := CodeOf(err)
	return slices.Contains(codes, code)
}

// Unsigned says that a request was not even made for lack of credentials, and NoCredentials what to do then. The SDK has no
// type for the failure to find any.
func Unsigned(err error) bool {
	_, signing := errors.AsType[*v4.SigningError](err)
	return signing || strings.Contains(err.Error(), "get identity: get credentials")
}

// NoCredentials is the remedy for what is Unsigned.
const NoCredentials = "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the machine a role"
