package awsclient_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
)

func TestCountsAreOfOperationsAndOfATime(t *testing.T) {
	var tally awsclient.Tally
	get, put := awsclient.Operation{Service: "DynamoDB", Name: "GetItem"}, awsclient.Operation{Service: "DynamoDB", Name: "PutItem"}
	tally.AddUnits(put, 0, 2)
	tally.AddUnits(get, 0.5, 0)
	before := tally.Counts()
	tally.AddUnits(get, 1.5, 0)
	if diff := cmp.Diff(awsclient.Counts{get: {ReadUnits: 1.5}}, tally.Counts().Since(before)); diff != "" {
		t.Errorf("since (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]awsclient.Operation{get, put}, tally.Counts().Operations()); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(awsclient.Count{ReadUnits: 2, WriteUnits: 2}, tally.Counts().Total()); diff != "" {
		t.Errorf("total (-want +got):\n%s", diff)
	}
}

func TestNoTallyCountsNothing(t *testing.T) {
	var none *awsclient.Tally
	none.AddUnits(awsclient.Operation{}, 1, 1)
	if cfg := none.Install(aws.Config{}); len(cfg.APIOptions) != 0 || none.Counts() != nil {
		t.Errorf("no tally installed %d middlewares and counted %v", len(cfg.APIOptions), none.Counts())
	}
}

func TestDollarsAreListPrices(t *testing.T) {
	for _, c := range []struct {
		o    awsclient.Operation
		n    awsclient.Count
		want float64
	}{
		{awsclient.Operation{Service: "DynamoDB", Name: "TransactWriteItems"}, awsclient.Count{Calls: 1, WriteUnits: 1e6}, 0.625},
		{awsclient.Operation{Service: "DynamoDB", Name: "Query"}, awsclient.Count{Calls: 1, ReadUnits: 1e6}, 0.125},
		{awsclient.Operation{Service: "SQS", Name: "ReceiveMessage"}, awsclient.Count{Calls: 1e6}, 0.40},
		{awsclient.Operation{Service: "S3", Name: "PutObject"}, awsclient.Count{Calls: 1e6}, 5},
		{awsclient.Operation{Service: "S3", Name: "GetObject"}, awsclient.Count{Calls: 1e6}, 0.40},
		{awsclient.Operation{Service: "S3", Name: "DeleteObject"}, awsclient.Count{Calls: 1e6}, 0},
		{awsclient.Operation{Service: "SSM", Name: "GetParameter"}, awsclient.Count{Calls: 1e6}, 0},
	} {
		if got := (awsclient.Counts{c.o: c.n}).Dollars(); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v cost %v dollars, want %v", c.o, got, c.want)
		}
	}
}

func TestThrottlingIsToldFromOtherRefusals(t *testing.T) {
	for code, want := range map[string]bool{
		"ThrottlingException": true, "RequestThrottled": true, "SlowDown": true, "ProvisionedThroughputExceededException": true,
		"ValidationException": false, "InternalServerError": false,
	} {
		err := fmt.Errorf("calling: %w", &smithy.GenericAPIError{Code: code})
		if got := awsclient.Throttled(err); got != want {
			t.Errorf("%s is throttling: %t, want %t", code, got, want)
		}
	}
	if awsclient.Throttled(errors.New("anything")) || awsclient.Throttled(nil) {
		t.Error("what is no answer of AWS is taken for throttling")
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	if err := awsclient.HTTP().CheckRedirect(nil, nil); err == nil {
		t.Error("a redirect is followed, with a signature that does not fit")
	}
}
