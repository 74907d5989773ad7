package awsfault

import (
	"fmt"
	"net/http"
	"strings"
)

// The services, by the names that the SDK gives them.
const (
	DynamoDB       = "DynamoDB"
	SQS            = "SQS"
	S3             = "S3"
	SSM            = "SSM"
	SecretsManager = "Secrets Manager"
)

// Operation names a call of AWS, such as DynamoDB GetItem.
type Operation struct{ Service, Name string }

// OperationOf reads from a request which call it is. The names of S3's are get, put and the like, and begin, part, complete and
// abort for the steps of a multipart upload.
func OperationOf(r *http.Request) Operation {
	target, name, named := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !named {
		return Operation{S3, stepOf(r)}
	}
	switch {
	case strings.HasPrefix(target, "DynamoDB"):
		return Operation{DynamoDB, name}
	case target == "AmazonSQS":
		return Operation{SQS, name}
	case target == "AmazonSSM":
		return Operation{SSM, name}
	default:
		return Operation{SecretsManager, name}
	}
}

func stepOf(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case query.Has("uploads"):
		return "begin"
	case query.Has("partNumber"):
		return "part"
	case query.Has("uploadId") && r.Method == http.MethodPost:
		return "complete"
	case query.Has("uploadId"):
		return "abort"
	case query.Has("list-type"):
		return "list"
	default:
		return strings.ToLower(r.Method)
	}
}

// Refuses is an error answer in the form of the service that was called, which has done nothing.
func Refuses(status int, code string) Fault {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		return refusal(OperationOf(r).Service, status, code)(r, next)
	}
}

func refusal(service string, status int, code string) Fault {
	const text = "injected"
	if service == S3 {
		body := fmt.Sprintf(`<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, text)
		return Answers(status, http.Header{"Content-Type": {"application/xml"}}, body)
	}
	namespace, version := "com.amazonaws.dynamodb.v20120810#", "1.0"
	switch service {
	case SQS:
		namespace = "com.amazonaws.sqs#"
	case SSM, SecretsManager:
		namespace, version = "", "1.1"
	}
	body := fmt.Sprintf(`{"__type":%q,"message":%q}`, namespace+code, text)
	return Answers(status, http.Header{"Content-Type": {"application/x-amz-json-" + version}}, body)
}

// throttle is how a service says that it is called too often.
func throttle(service string) Fault {
	switch service {
	case DynamoDB:
		return refusal(service, http.StatusBadRequest, "ProvisionedThroughputExceededException")
	case SQS:
		return refusal(service, http.StatusBadRequest, "RequestThrottled")
	case S3:
		return refusal(service, http.StatusServiceUnavailable, "SlowDown")
	default:
		return refusal(service, http.StatusBadRequest, "ThrottlingException")
	}
}

// trouble is how a service says that it is in trouble.
func trouble(service string) Fault {
	switch service {
	case DynamoDB:
		return refusal(service, http.StatusInternalServerError, "InternalServerError")
	case SQS:
		return refusal(service, http.StatusServiceUnavailable, "ServiceUnavailable")
	case S3:
		return refusal(service, http.StatusInternalServerError, "InternalError")
	default:
		return refusal(service, http.StatusInternalServerError, "InternalServerError")
	}
}
