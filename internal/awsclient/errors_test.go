package awsclient_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
)

// answered is an error as the SDK makes it of an answer.
func answered(status int, err error) error {
	return fmt.Errorf("operation error: %w", &awshttp.ResponseError{
		RequestID:     "R1",
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err},
	})
}

func TestAnErrorSaysWhatTheServiceSaid(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDenied", Message: "you may not"}
	for name, tt := range map[string]struct {
		err    error
		remedy string
		want   string
	}{
		"an answer":            {answered(403, denied), "", "reading a: S3 answers 403 AccessDenied: you may not"},
		"with what to do":      {answered(403, denied), "ask for it", "reading a: S3 answers 403 AccessDenied: you may not: ask for it"},
		"one entry of a batch": {denied, "", "reading a: S3 answers AccessDenied: you may not"},
		"no answer":            {errors.New("connection refused"), "", "reading a: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _ := awsclient.CodeOf(tt.err)
			e := awsclient.Failed("S3", "reading a", code, tt.err)
			e.Remedy = tt.remedy
			if e.Error() != tt.want || !errors.Is(e, tt.err) {
				t.Errorf("%q, want %q", e, tt.want)
			}
		})
	}
	if e := awsclient.Failed("S3", "reading a", "", answered(502, errors.New("no XML"))); e.Status != http.StatusBadGateway || e.Code != "" {
		t.Errorf("%+v, want the status of a proxy's answer", e)
	}
	if e := awsclient.Failed("S3", "reading a", "AccessDenied", answered(403, denied)); e.Request != "R1" || e.Status != http.StatusForbidden {
		t.Errorf("%+v, want the id of the request", e)
	}
}

func TestCodesAreThoseOfAnswers(t *testing.T) {
	denied := answered(403, &smithy.GenericAPIError{Code: "AccessDenied"})
	if !awsclient.IsCode(denied, "Other", "AccessDenied") || awsclient.IsCode(denied, "Other") || awsclient.IsCode(errors.New("AccessDenied"), "AccessDenied") {
		t.Error("the code of an answer is not told from other texts")
	}
	if code, status := awsclient.CodeOf(errors.New("cut")); code != "" || status != 0 {
		t.Errorf("of no answer: %q, %d", code, status)
	}
}

func TestARequestWithoutCredentialsIsToldFromOneThatWasLost(t *testing.T) {
	for _, err := range []error{&v4.SigningError{Err: errors.New("none")}, errors.New("operation error: get identity: get credentials: none")} {
		if !awsclient.Unsigned(fmt.Errorf("calling: %w", err)) {
			t.Errorf("%v is not taken for a lack of credentials", err)
		}
	}
	if awsclient.Unsigned(errors.New("connection reset")) {
		t.Error("a lost request is taken for a lack of credentials")
	}
}
