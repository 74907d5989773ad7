package api_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// after makes calls and says how long they took together.
func after(t *testing.T, c *api.Client, n int) time.Duration {
	t.Helper()
	start := time.Now()
	for range n {
		_, err := c.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{"i-1"}})
		if api.CodeOf(err) == "" {
			t.Fatalf("TerminateInstances = %v, want the scripted refusal", err)
		}
	}
	return time.Since(start)
}

func TestCallsStayBelowTheRate(t *testing.T) { // failure mode D16
	synctest.Test(t, func(t *testing.T) {
		c := client(&scripted{status: 400, code: "OperationNotPermitted"}, seam.System{})
		rate := api.DefaultRates().Writes
		if took := after(t, c, int(rate.Burst)); took != 0 {
			t.Errorf("the first %g calls waited %s", rate.Burst, took)
		}
		const more = 10
		want := time.Duration(more / rate.PerSecond * float64(time.Second))
		if took := after(t, c, more); took.Round(time.Millisecond) != want {
			t.Errorf("%d more calls took %s, want %s", more, took, want)
		}
		start := time.Now()
		_, err := c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
		if api.CodeOf(err) == "" || time.Since(start) != 0 {
			t.Errorf("another action waits for the tokens of this one: %s, %v", time.Since(start), err)
		}
	})
}

func TestAnActionRestsWhenEC2RefusesItsRate(t *testing.T) { // failure mode D16
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{status: 503, code: "RequestLimitExceeded"}
		c := client(s, seam.System{})
		var last time.Duration
		for i := range 6 {
			took := after(t, c, 1)
			least := min(time.Second<<max(i-1, 0), 30*time.Second) / 2
			if i > 0 && (took < least || took > 40*time.Second) {
				t.Errorf("call %d rested %s, want at least %s", i+1, took, least)
			}
			last = took
		}
		if last < 8*time.Second {
			t.Errorf("refusals in a row do not make the rest longer: %s", last)
		}
		s.code, s.status = "OperationNotPermitted", 400
		after(t, c, 1)
		s.code, s.status = "RequestLimitExceeded", 503
		after(t, c, 1)
		if took := after(t, c, 1); took > 40*time.Second {
			t.Errorf("rested %s", took)
		}
	})
}

func TestACallThatWouldComeTooLateIsNotMade(t *testing.T) { // failure mode E8
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{status: 503, code: "RequestLimitExceeded"}
		c := client(s, seam.System{})
		for range 4 {
			after(t, c, 1)
		}
		made := s.calls
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := c.TerminateInstances(ctx, &ec2.TerminateInstancesInput{})
		if !errors.Is(err, context.DeadlineExceeded) || s.calls != made || api.KindOf(err) != api.Unknown {
			t.Errorf("%v after %d calls, want no call and nothing known", err, s.calls-made)
		}
	})
}
