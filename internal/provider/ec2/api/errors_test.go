package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// scripted answers every request with one refusal, or not at all.
type scripted struct {
	status     int
	code, text string
	calls      int
}

func (s *scripted) Do(*http.Request) (*http.Response, error) {
	s.calls++
	if s.status == 0 {
		return nil, errors.New("connection reset by peer")
	}
	body := fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>r-1</RequestID></Response>", s.code, s.text)
	if s.code == "" {
		body = "<html>not EC2</html>"
	}
	return &http.Response{StatusCode: s.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func client(s *scripted, clock seam.Clock) *api.Client {
	return api.New("us-east-1", aws.Config{
		HTTPClient: s, Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}, api.Options{Clock: clock, Random: seam.Crypto{}})
}

func TestCodesNotTextsDecide(t *testing.T) { // failure modes J5, D8, M12
	tests := map[string]struct {
		status     int
		code, text string
		want       api.Kind
	}{
		"a refusal for the rate that quotes another code": {503, "RequestLimitExceeded", "InvalidInstanceID.NotFound: i-1", api.Throttled},
		"no capacity":                          {400, "InsufficientInstanceCapacity", "", api.Capacity},
		"no capacity as a failure of EC2":      {500, "InsufficientInstanceCapacity", "", api.Capacity},
		"the account's vCPUs":                  {400, "VcpuLimitExceeded", "", api.Quota},
		"spot instances":                       {400, "MaxSpotInstanceCountExceeded", "", api.Quota},
		"fleets":                               {400, "MaxFleetCountExceeded", "", api.Quota},
		"the token":                            {400, "IdempotentParameterMismatch", "", api.TokenReused},
		"a right":                              {403, "UnauthorizedOperation", "", api.Unauthorized},
		"credentials":                          {401, "AuthFailure", "", api.Unauthorized},
		"credentials that were renewed":        {400, "RequestExpired", "", api.Unknown},
		"a wrong value":                        {400, "InvalidParameterValue", "Throttling", api.Invalid},
		"a wrong thing that no table has":      {400, "InvalidMoonPhase.Unknown", "", api.Invalid},
		"an image that is gone":                {400, "InvalidAMIID.NotFound", "", api.Invalid},
		"a type that the zone does not have":   {400, "Unsupported", "", api.Capacity},
		"an instance that is not there":        {400, "InvalidInstanceID.NotFound", "", api.NotFound},
		"a failure":                            {500, "InternalError", "", api.Unknown},
		"a code that nobody knows, refused":    {400, "MoonIsFull", "", api.Refused},
		"a code that nobody knows, in trouble": {500, "MoonIsFull", "", api.Unknown},
		"a proxy's page":                       {403, "", "", api.Unknown},
		"no answer":                            {0, "", "", api.Unknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &scripted{status: tt.status, code: tt.code, text: tt.text}
			_, err := client(s, seam.System{}).DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
			if got := api.KindOf(fmt.Errorf("wrapped: %w", err)); err == nil || got != tt.want {
				t.Errorf("%v is %s, want %s", err, got, tt.want)
			}
			if tt.code != "" && api.CodeOf(err) != tt.code {
				t.Errorf("the code is %q, want %q", api.CodeOf(err), tt.code)
			}
			if s.calls != 1 {
				t.Errorf("the SDK called %d times; repeating is not its business", s.calls)
			}
		})
	}
	if api.KindOf(errors.New("anything")) != api.Unknown || api.KindOf(context.Canceled) != api.Unknown {
		t.Error("an error of something else says something of EC2")
	}
}
