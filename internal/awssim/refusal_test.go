package awssim_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// mistake is a call that AWS refuses. Page is the last part of the address of AWS's page that says so.
type mistake struct {
	name string
	page string
	code string
	make func(t *testing.T, w *world) error
}

func TestWhatCreateFleetRefuses(t *testing.T) {
	fleet := func(change func(w *world, r *ec2.CreateFleetInput)) func(*testing.T, *world) error {
		return func(t *testing.T, w *world) error {
			t.Helper()
			r := ask(w.template("t-1"), "token", types.DefaultTargetCapacityTypeSpot, 1)
			change(w, r)
			_, err := w.CreateFleet(t.Context(), r)
			return err
		}
	}
	spec := func(r *ec2.CreateFleetInput) *types.FleetLaunchTemplateSpecificationRequest {
		return r.LaunchTemplateConfigs[0].LaunchTemplateSpecification
	}
	refused(t, []mistake{
		{"one token, other parameters", "ec2-api-idempotency", "IdempotentParameterMismatch", func(t *testing.T, w *world) error {
			id := w.template("t-1")
			w.launch(ask(id, "token", types.DefaultTargetCapacityTypeSpot, 1))
			_, err := w.CreateFleet(t.Context(), ask(id, "token", types.DefaultTargetCapacityTypeOnDemand, 1))
			return err
		}},
		{"301 overrides", "API_FleetLaunchTemplateConfigRequest", "InvalidParameterValue", fleet(func(w *world, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides = nil
			for _, o := range w.cloud.Offerings(region)[:301] {
				r.LaunchTemplateConfigs[0].Overrides = append(r.LaunchTemplateConfigs[0].Overrides, in(o.Type, o.Zone))
			}
		})},
		{"the same pool twice", "API_FleetLaunchTemplateOverridesRequest", "InvalidFleetConfig", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides = []types.FleetLaunchTemplateOverridesRequest{in("c7i.large", zoneA), in("c7i.large", zoneA)}
		})},
		{"a template version that does not exist", "errors-overview", "InvalidLaunchTemplateId.VersionNotFound", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			spec(r).Version = aws.String("7")
		})},
		{"no template version", "API_FleetLaunchTemplateSpecificationRequest", "MissingParameter", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			spec(r).Version = nil
		})},
		{"a template by both id and name", "API_FleetLaunchTemplateSpecificationRequest", "InvalidParameterCombination", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			spec(r).LaunchTemplateName = aws.String("t-1")
		})},
		{"a template that does not exist", "errors-overview", "InvalidLaunchTemplateId.NotFound", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			spec(r).LaunchTemplateId = aws.String("lt-00000000000000000")
		})},
		{"a template's name that does not exist", "errors-overview", "InvalidLaunchTemplateName.NotFoundException", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			spec(r).LaunchTemplateId, spec(r).LaunchTemplateName = nil, aws.String("t-2")
		})},
		{"user data over 16 KB", "API_FleetLaunchTemplateSpecificationRequest", "InvalidParameterValue", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			spec(r).LaunchTemplateSpecificationUserData = aws.String(base64.StdEncoding.EncodeToString(make([]byte, 16<<10+1)))
		})},
		{"an availability zone of elsewhere", "API_FleetLaunchTemplateOverridesRequest", "InvalidParameterValue", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides = []types.FleetLaunchTemplateOverridesRequest{in("c7i.large", "eu-west-1a")}
		})},
		{"two subnets in an override", "API_FleetLaunchTemplateOverridesRequest", "InvalidParameterValue", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides[0].SubnetId = aws.String("subnet-00000000000000000,subnet-00000000000000001")
		})},
		{"a subnet that does not exist", "errors-overview", "InvalidSubnetID.NotFound", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides[0].SubnetId = aws.String("subnet-00000000000000000")
		})},
		{"tags over the limit", "Using_Tags", "TagLimitExceeded", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.TagSpecifications[0].Tags = tags(51)
		})},
		{"a tag of AWS's", "Using_Tags", "InvalidParameterValue", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.TagSpecifications[0].Tags = []types.Tag{{Key: aws.String("aws:ec2:fleet-id"), Value: aws.String("mine")}}
		})},
		{"one tag key twice", "Using_Tags", "InvalidParameterValue", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.TagSpecifications[0].Tags = append(tags(1), tags(1)...)
		})},
		{"tags of a kind that a fleet cannot tag", "API_CreateFleet", "InvalidParameterValue", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.TagSpecifications[0].ResourceType = types.ResourceTypeSnapshot
		})},
		{"an allocation strategy of the other market", "ec2-fleet-allocation-strategy", "InvalidParameterValue", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: "prioritized"}
		})},
		{"an interruption behavior that one-time requests do not have", "interruption-behavior", "InvalidParameterValue", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.SpotOptions = &types.SpotOptionsRequest{InstanceInterruptionBehavior: types.SpotInstanceInterruptionBehaviorStop}
		})},
		{"no capacity asked for", "API_TargetCapacitySpecificationRequest", "InvalidParameterValue", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(0)
		})},
		{"a dry run", "errors-overview", "DryRunOperation", fleet(func(_ *world, r *ec2.CreateFleetInput) { r.DryRun = aws.Bool(true) })},
		{"a fleet that maintains itself, which is ours to refuse", "API_CreateFleet", "NotSimulated", fleet(func(_ *world, r *ec2.CreateFleetInput) {
			r.Type = types.FleetTypeMaintain
		})},
	})
}

func TestWhatALaunchCannotUseIsAmongItsErrors(t *testing.T) {
	onARM := func(_ *world, r *ec2.CreateFleetInput) {
		r.LaunchTemplateConfigs[0].Overrides = []types.FleetLaunchTemplateOverridesRequest{in("c7g.large", zoneA), in("c7i.large", zoneA)}
	}
	for _, c := range []struct {
		name, page, code string
		change           func(w *world, r *ec2.CreateFleetInput)
	}{
		{"a type not offered in the zone", "API_DescribeInstanceTypeOfferings", "InvalidFleetConfiguration", func(_ *world, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides = []types.FleetLaunchTemplateOverridesRequest{in("c8i.large", zoneC), in("c7i.large", zoneA)}
		}},
		{"an AMI of another architecture", "API_RunInstances", "InvalidParameterValue", onARM},
		{"an AMI that does not exist", "errors-overview", "InvalidAMIID.NotFound", func(_ *world, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides[0].ImageId = aws.String("ami-00000000000000000")
		}},
		{"no AMI id at all", "errors-overview", "InvalidAMIID.Malformed", func(_ *world, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides[0].ImageId = aws.String("ubuntu")
		}},
		{"a root volume smaller than the image", "API_EbsBlockDevice", "InvalidBlockDeviceMapping", func(_ *world, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides[0].BlockDeviceMappings = []types.FleetBlockDeviceMappingRequest{{
				DeviceName: aws.String("/dev/sda1"), Ebs: &types.FleetEbsBlockDeviceRequest{VolumeSize: aws.Int32(4)},
			}}
		}},
	} {
		t.Run(c.name+" ("+c.page+")", func(t *testing.T) {
			w := newWorld(t)
			r := ask(w.template("t-1"), "token", types.DefaultTargetCapacityTypeSpot, 1)
			c.change(w, r)
			out, err := w.CreateFleet(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Errors) == 0 || aws.ToString(out.Errors[0].ErrorCode) != c.code {
				t.Errorf("errors %+v, want %s", out.Errors, c.code)
			}
			if len(ids(out)) != 1 {
				t.Errorf("%d instances, want one by another override", len(ids(out)))
			}
		})
	}
}

func TestWhatCallsOnInstancesRefuse(t *testing.T) {
	launched := func(market types.DefaultTargetCapacityType, do func(t *testing.T, w *world, ids []string) error) func(*testing.T, *world) error {
		return func(t *testing.T, w *world) error {
			t.Helper()
			ids := w.launch(ask(w.template("t-1"), "token", market, 1))
			w.clock.Advance(time.Minute)
			return do(t, w, ids)
		}
	}
	unknown := []string{"i-00000000000000000"}
	refused(t, []mistake{
		{"an unknown filter", "Using_Filtering", "InvalidParameterValue", func(t *testing.T, w *world) error {
			_, err := w.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: filters("tags:runs-fleet:fleet", "a")})
			return err
		}},
		{"terminate an unknown id", "API_TerminateInstances", "InvalidInstanceID.NotFound", func(t *testing.T, w *world) error {
			_, err := w.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: unknown})
			return err
		}},
		{"terminate what is no id", "errors-overview", "InvalidInstanceID.Malformed", func(t *testing.T, w *world) error {
			_, err := w.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{"machine-1"}})
			return err
		}},
		{"start a terminated instance", "API_StartInstances", "IncorrectInstanceState", launched("on-demand", func(t *testing.T, w *world, ids []string) error {
			t.Helper()
			if _, err := w.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids}); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(2 * time.Minute)
			_, err := w.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: ids})
			return err
		})},
		{"stop a one-time spot instance", "stop-spot-instances", "UnsupportedOperation", launched("spot", func(t *testing.T, w *world, ids []string) error {
			t.Helper()
			_, err := w.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: ids})
			return err
		})},
		{"more tags than an instance may have", "Using_Tags", "TagLimitExceeded", launched("spot", func(t *testing.T, w *world, ids []string) error {
			t.Helper()
			_, err := w.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: ids, Tags: tags(50)})
			return err
		})},
		{"tags on an unknown instance", "errors-overview", "InvalidInstanceID.NotFound", func(t *testing.T, w *world) error {
			_, err := w.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: unknown, Tags: tags(1)})
			return err
		}},
		{"a page of four", "API_DescribeInstances", "InvalidParameterValue", func(t *testing.T, w *world) error {
			_, err := w.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{MaxResults: aws.Int32(4)})
			return err
		}},
		{"a page of named instances", "API_DescribeInstances", "InvalidParameterCombination", launched("spot", func(t *testing.T, w *world, ids []string) error {
			t.Helper()
			_, err := w.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: ids, MaxResults: aws.Int32(5)})
			return err
		})},
		{"a token that nobody gave", "errors-overview", "InvalidNextToken", func(t *testing.T, w *world) error {
			_, err := w.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{NextToken: aws.String("more")})
			return err
		}},
		{"an instance type that does not exist", "API_DescribeInstanceTypes", "InvalidInstanceType", func(t *testing.T, w *world) error {
			_, err := w.DescribeInstanceTypes(t.Context(), &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"c99.large"}})
			return err
		}},
		{"the console of an unknown instance", "API_GetConsoleOutput", "InvalidInstanceID.NotFound", func(t *testing.T, w *world) error {
			_, err := w.GetConsoleOutput(t.Context(), &ec2.GetConsoleOutputInput{InstanceId: &unknown[0]})
			return err
		}},
		{"a dry run of a termination", "errors-overview", "DryRunOperation", launched("spot", func(t *testing.T, w *world, ids []string) error {
			t.Helper()
			_, err := w.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids, DryRun: aws.Bool(true)})
			if got := w.instances(&ec2.DescribeInstancesInput{InstanceIds: ids})[0].State.Name; got != types.InstanceStateNameRunning {
				t.Errorf("the dry run left the instance %s", got)
			}
			return err
		})},
	})
}

func refused(t *testing.T, all []mistake) {
	t.Helper()
	for _, m := range all {
		t.Run(m.name+" ("+m.page+")", func(t *testing.T) {
			w := newWorld(t)
			if got := code(t, m.make(t, w)); got != m.code {
				t.Errorf("the code is %q, want %s", got, m.code)
			}
		})
	}
}

// The wire format has no user data in an override (page "API_FleetLaunchTemplateOverridesRequest"), so only somebody who
// writes requests by hand can make this mistake.
func TestUserDataInAnOverrideIsAnUnknownParameter(t *testing.T) {
	w := newWorld(t)
	form := url.Values{
		"Action": {"CreateFleet"}, "Version": {"2016-11-15"}, "Type": {"instant"},
		"LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId": {w.template("t-1")},
		"LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version":          {"1"},
		"LaunchTemplateConfigs.1.Overrides.1.InstanceType":                     {"c7i.large"},
		"LaunchTemplateConfigs.1.Overrides.1.UserData":                         {"IyEvYmluL3NoCg=="},
		"TargetCapacitySpecification.TotalTargetCapacity":                      {"1"},
		"TargetCapacitySpecification.DefaultTargetCapacityType":                {"spot"},
	}
	status, body := post(t, w, form)
	if status != http.StatusBadRequest || !strings.Contains(body, "<Code>UnknownParameter</Code>") || w.cloud.Made() != 0 {
		t.Errorf("%d %s", status, body)
	}
}

// Page "API_FleetLaunchTemplateSpecificationRequest".
func TestUserDataBesideTheTemplateTakesThePlaceOfTheTemplates(t *testing.T) {
	w := newWorld(t)
	r := ask(w.template("t-1"), "token", types.DefaultTargetCapacityTypeSpot, 1)
	r.LaunchTemplateConfigs[0].LaunchTemplateSpecification.LaunchTemplateSpecificationUserData = aws.String("IyEvYmluL3NoCg==")
	if got := len(w.launch(r)); got != 1 {
		t.Errorf("%d instances", got)
	}
}

// Page "ec2-api-throttling": the bucket of mutating actions holds 50, and gets 5 a second.
func TestRequestsAreThrottledPerActionAndRegion(t *testing.T) {
	w := newWorld(t, func(o *sim.Options, _ *awssim.Options) { o.Limits = sim.EC2Limits() })
	id := w.template("t-1")
	count := func() (granted int) {
		for n := range 200 {
			_, err := w.CreateFleet(t.Context(), ask(id, fmt.Sprintf("%d-%s", n, w.clock.Now()), types.DefaultTargetCapacityTypeSpot, 1))
			switch code(t, err) {
			case "":
				granted++
			case "RequestLimitExceeded":
				return granted
			}
		}
		return granted
	}
	first := count()
	w.clock.Advance(2 * time.Second)
	if later := count(); first != 50 || later != 10 {
		t.Errorf("%d at once and %d two seconds later, want 50 and 10", first, later)
	}
}

func TestARequestWithoutASignatureIsRefused(t *testing.T) {
	w := newWorld(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://ec2.us-east-1.amazonaws.com/", strings.NewReader("Action=DescribeInstances"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := httpClient(w.server).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil || !strings.Contains(string(b), "MissingAuthenticationToken") {
		t.Errorf("%s, %v", b, err)
	}
}

// post sends a request that the SDK would not make.
func post(t *testing.T, w *world, form url.Values) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://ec2.us-east-1.amazonaws.com/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0")
	out, err := httpClient(w.server).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return out.StatusCode, string(b)
}

func filters(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: &name, Values: values}}
}

func tags(n int) []types.Tag {
	var all []types.Tag
	for i := range n {
		all = append(all, types.Tag{Key: aws.String(fmt.Sprintf("key-%d", i)), Value: aws.String("value")})
	}
	return all
}
