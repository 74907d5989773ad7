package ec2_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// between stands between the SDK and the API and may answer in its place.
type between struct {
	next http.RoundTripper
	// instead is asked first; nothing lets the call through. after is told of every answer, and may lose it.
	instead func(action string) *http.Response
	after   func(action string) error
}

func (b *between) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, rest, _ := strings.Cut(string(body), "Action=")
	action, _, _ := strings.Cut(rest, "&")
	if b.instead != nil {
		if answer := b.instead(action); answer != nil {
			return answer, nil
		}
	}
	answer, err := b.next.RoundTrip(r)
	if err == nil && b.after != nil {
		if err := b.after(action); err != nil {
			_ = answer.Body.Close()
			return nil, err
		}
	}
	return answer, err
}

func refusal(status int, code string) *http.Response {
	body := fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>", code)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// sdk is a client of its own, for what a person would do.
func (w *world) sdk() *awsec2.Client { return awsec2.NewFromConfig(w.config(site.Region)) }

func TestInstancesAndErrorsInOneAnswerAreBothKept(t *testing.T) { // failure modes D6, D8, M5
	w := newWorld(t, 1)
	p := w.provider()
	r := request("l-1", 90, func(r *provider.Request) { r.Spec.InstanceType = "c7i.large" })
	a := w.launch(p, r)
	if len(a.Instances) != len(w.subnets) || len(a.Errors) == 0 || a.Errors[0].Code != "InsufficientInstanceCapacity" {
		t.Fatalf("%d instances and the errors %+v, want one in each of %d zones and a reason for the rest", len(a.Instances), a.Errors, len(w.subnets))
	}
	sum := len(a.Instances)
	for _, e := range a.Errors {
		sum += e.Count
	}
	if sum != r.Count {
		t.Errorf("the answer is of %d places, want %d: %+v", sum, r.Count, a.Errors)
	}
}

func TestALostAnswerIsAskedForAgainWithTheSameToken(t *testing.T) { // failure modes D15, N16; rule 2.2
	w := newWorld(t, 100)
	lost := 1
	w.through = func(next http.RoundTripper) http.RoundTripper {
		return &between{next: next, after: func(action string) error {
			if action == "CreateFleet" && lost > 0 {
				lost--
				return errors.New("connection reset by peer")
			}
			return nil
		}}
	}
	p := w.provider()
	r := request("l-1", 3)
	var err error
	if r.Frozen, err = p.Freeze(r); err != nil {
		t.Fatal(err)
	}
	a, err := p.Launch(t.Context(), r)
	if err == nil || errors.Is(err, provider.ErrInvalid) || errors.Is(err, provider.ErrTokenReused) {
		t.Fatalf("Launch = %+v, %v, want an unknown outcome", a, err)
	}
	// Meanwhile prices have changed: what was frozen has not.
	w.clock.Sleep(t.Context(), 6*time.Hour)
	if err := p.Refresh(t.Context(), site); err != nil {
		t.Fatal(err)
	}
	restarted := w.provider()
	again := w.launch(restarted, r)
	if len(again.Instances) != 3 {
		t.Errorf("the repeat tells of %d instances, want 3", len(again.Instances))
	}
	if diff := cmp.Diff(3, len(w.list(p))); diff != "" {
		t.Errorf("the launch made more than it was to:\n%s", diff)
	}
	unfrozen := r
	unfrozen.Frozen = nil
	unfrozen.Count = 2
	if a, err := p.Launch(t.Context(), unfrozen); !errors.Is(err, provider.ErrTokenReused) {
		t.Errorf("another request under the token: %+v, %v", a, err)
	}
}

func TestCodesOfACallDecideWhatALaunchBecomes(t *testing.T) { // failure modes A10, D8, L19; rule 2.6
	tests := map[string]struct {
		status int
		code   string
		answer bool // its places fail at once, and another market is tried
		wraps  error
	}{
		"no capacity":  {400, "InsufficientInstanceCapacity", true, nil},
		"spot quota":   {400, "MaxSpotInstanceCountExceeded", true, nil},
		"fleet quota":  {400, "MaxFleetCountExceeded", true, nil},
		"a right":      {403, "UnauthorizedOperation", true, nil},
		"not known":    {400, "MoonIsFull", true, nil},
		"wrong":        {400, "InvalidParameterValue", false, provider.ErrInvalid},
		"token":        {400, "IdempotentParameterMismatch", false, provider.ErrTokenReused},
		"rate":         {503, "RequestLimitExceeded", false, nil},
		"in trouble":   {500, "InternalError", false, nil},
		"out of touch": {503, "Unavailable", false, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 100)
			w.through = func(next http.RoundTripper) http.RoundTripper {
				return &between{next: next, instead: func(action string) *http.Response {
					if action == "CreateFleet" {
						return refusal(tt.status, tt.code)
					}
					return nil
				}}
			}
			a, err := w.provider().Launch(t.Context(), request("l-1", 4))
			switch {
			case tt.answer && (err != nil || len(a.Errors) != 1 || a.Errors[0].Code != tt.code || a.Errors[0].Count != 4):
				t.Errorf("Launch = %+v, %v, want four failed places with the code", a, err)
			case tt.wraps != nil && !errors.Is(err, tt.wraps):
				t.Errorf("Launch = %+v, %v, want %v", a, err, tt.wraps)
			case !tt.answer && tt.wraps == nil && (err == nil || errors.Is(err, provider.ErrInvalid) || errors.Is(err, provider.ErrTokenReused)):
				t.Errorf("Launch = %+v, %v, want an unknown outcome", a, err)
			}
		})
	}
}

func TestTemplatesAreMadeOnceAndAgainWhenTheyAreGone(t *testing.T) { // failure modes G9, L4
	w := newWorld(t, 100)
	p := w.provider()
	for i := range 3 {
		w.launch(p, request(fmt.Sprintf("l-%d", i), 1))
	}
	w.launch(w.provider(), request("l-9", 1)) // another server
	found, err := w.sdk().DescribeLaunchTemplates(t.Context(), &awsec2.DescribeLaunchTemplatesInput{})
	if err != nil || len(found.LaunchTemplates) != 1 || w.count("CreateLaunchTemplate") != 2 {
		t.Fatalf("%d templates after %d calls: %v", len(found.LaunchTemplates), w.count("CreateLaunchTemplate"), err)
	}
	versions, err := w.sdk().DescribeLaunchTemplateVersions(t.Context(), &awsec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: found.LaunchTemplates[0].LaunchTemplateId,
	})
	if err != nil || len(versions.LaunchTemplateVersions) != 1 {
		t.Fatalf("%v, %v", versions, err)
	}
	data := versions.LaunchTemplateVersions[0].LaunchTemplateData
	if data.MetadataOptions.HttpTokens != "required" || aws.ToInt32(data.MetadataOptions.HttpPutResponseHopLimit) != 1 ||
		data.InstanceInitiatedShutdownBehavior != "terminate" || data.UserData == nil || len(data.NetworkInterfaces) != 0 || data.ImageId != nil {
		t.Errorf("the template says %+v", data)
	}
	gone := true
	w.through = func(next http.RoundTripper) http.RoundTripper {
		return &between{next: next, instead: func(action string) *http.Response {
			if action == "CreateFleet" && gone {
				gone = false
				return refusal(400, api.CodeTemplateNotFound)
			}
			return nil
		}}
	}
	p = w.provider()
	before := w.count("CreateLaunchTemplate")
	if a, err := p.Launch(t.Context(), request("l-10", 1)); err == nil || errors.Is(err, provider.ErrInvalid) {
		t.Fatalf("Launch = %+v, %v, want an unknown outcome, which is repeated", a, err)
	}
	w.launch(p, request("l-10", 1))
	if made := w.count("CreateLaunchTemplate") - before; made != 2 {
		t.Errorf("the template was made %d times, want once before each call", made)
	}
}

func TestEverythingIsTaggedFromBirth(t *testing.T) { // failure mode D3
	w := newWorld(t, 100)
	a := w.launch(w.provider(), request("l-1", 2))
	found, err := w.sdk().DescribeInstances(t.Context(), &awsec2.DescribeInstancesInput{InstanceIds: ids(a)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range found.Reservations {
		for _, i := range r.Instances {
			tags := map[string]string{}
			for _, tag := range i.Tags {
				tags[*tag.Key] = *tag.Value
			}
			for key, want := range map[string]string{
				"runs-fleet:fleet": "f1", "runs-fleet:environment": "default", "runs-fleet:launch": "l-1", "team": "ci",
			} {
				if tags[key] != want {
					t.Errorf("%s has %s=%q, want %q", *i.InstanceId, key, tags[key], want)
				}
			}
		}
	}
}

func TestOneMarketWithoutCapacitySaysSoAndTheOtherLaunches(t *testing.T) { // rule 2.6; failure modes D8, D12
	w := newWorld(t, 100)
	p := w.provider()
	w.cloud.SetCapacity(sim.Pool{Market: fleet.Spot}, 0)
	a := w.launch(p, request("l-1", 5))
	if len(a.Instances) != 0 || len(a.Errors) != 1 || a.Errors[0].Count != 5 || a.Errors[0].Code != "InsufficientInstanceCapacity" {
		t.Fatalf("spot gives %+v", a)
	}
	a = w.launch(p, request("l-2", 5, func(r *provider.Request) { r.Market = fleet.OnDemand }))
	if len(a.Instances) != 5 || a.Instances[0].Market != fleet.OnDemand {
		t.Errorf("on demand gives %+v", a)
	}
	if n := w.count("CreateFleet"); n != 2 {
		t.Errorf("%d calls for two launches", n)
	}
}

func TestADryRunSaysWhatIsWrongAndLaunchesNothing(t *testing.T) {
	w := newWorld(t, 100)
	p := w.provider()
	for templates := range 2 { // before a launch has made its template, and after
		if err := p.Check(t.Context(), request("l-check", 1)); err != nil {
			t.Errorf("Check = %v", err)
		}
		found, err := w.sdk().DescribeLaunchTemplates(t.Context(), &awsec2.DescribeLaunchTemplatesInput{})
		if n := len(w.list(p)); err != nil || len(found.LaunchTemplates) != templates || n != templates {
			t.Errorf("a dry run left %d templates and %d instances, want %d: %v", len(found.LaunchTemplates), n, templates, err)
		}
		w.launch(p, request("l-1", 1))
	}
	if err := w.cloud.SetFaults(sim.Faults{Refusals: []sim.Refusal{{Action: "CreateFleet", Code: "UnauthorizedOperation", Rate: 1}}}); err != nil {
		t.Fatal(err)
	}
	if err := p.Check(t.Context(), request("l-check", 1)); api.KindOf(err) != api.Unauthorized {
		t.Errorf("without the right, Check = %v", err)
	}
	if err := w.cloud.SetFaults(sim.Faults{}); err != nil {
		t.Fatal(err)
	}
	p = w.provider(func(o *ec2.Options) { o.Sites[0].SecurityGroups = []string{"sg-0123456789abcdef0"} })
	if err := p.Check(t.Context(), request("l-check", 1)); err == nil || !strings.Contains(err.Error(), "InvalidGroup.NotFound") {
		t.Errorf("with a security group that is not there, Check = %v", err)
	}
}
