package awssim_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

func TestALaunchGivesInstancesAndErrorsInOneAnswer(t *testing.T) {
	w := newWorld(t)
	w.cloud.SetCapacity(sim.Pool{Zone: zoneA}, 2)
	w.cloud.SetCapacity(sim.Pool{Zone: zoneB}, 0)
	out, err := w.CreateFleet(t.Context(), ask(w.template("t-1"), "token", types.DefaultTargetCapacityTypeSpot, 5))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(ids(out)); got != 4 {
		t.Errorf("%d instances, want the 4 that fit", got)
	}
	if len(out.Errors) == 0 || aws.ToString(out.Errors[0].ErrorCode) != "InsufficientInstanceCapacity" {
		t.Errorf("errors %+v", out.Errors)
	}
	for _, e := range out.Errors {
		if e.LaunchTemplateAndOverrides == nil || e.LaunchTemplateAndOverrides.Overrides.InstanceType == "" || e.Lifecycle != types.InstanceLifecycleSpot {
			t.Errorf("an error does not say which override it is of: %+v", e)
		}
	}
}

func TestAnInstanceHasWhatItsTemplateAndItsFleetSay(t *testing.T) {
	w := newWorld(t)
	id := w.template("t-1", func(d *types.RequestLaunchTemplateData) {
		d.UserData = aws.String(base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n")))
		d.InstanceInitiatedShutdownBehavior = types.ShutdownBehaviorTerminate
		d.MetadataOptions = &types.LaunchTemplateInstanceMetadataOptionsRequest{
			HttpTokens: types.LaunchTemplateHttpTokensStateRequired, HttpPutResponseHopLimit: aws.Int32(1),
		}
		d.SecurityGroups = []string{"runners"}
		d.IamInstanceProfile = &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("runner")}
		d.TagSpecifications = []types.LaunchTemplateTagSpecificationRequest{{
			ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("from"), Value: aws.String("template")}},
		}}
	})
	ids := w.launch(ask(id, "token", types.DefaultTargetCapacityTypeSpot, 1))
	got := w.instances(&ec2.DescribeInstancesInput{InstanceIds: ids})
	if len(got) != 1 {
		t.Fatalf("%d instances", len(got))
	}
	i := got[0]
	tags := map[string]string{}
	for _, tag := range i.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if tags["runs-fleet:launch"] != "token" || tags["from"] != "template" || tags["aws:ec2:fleet-id"] == "" {
		t.Errorf("tags %v", tags)
	}
	type seen struct {
		State, Tokens, Group, Profile, Lifecycle string
		Hops                                     int32
		Launched                                 time.Time
	}
	want := seen{"pending", "required", "runners", "arn:aws:iam::123456789012:instance-profile/runner", "spot", 1, start()}
	has := seen{
		string(i.State.Name), string(i.MetadataOptions.HttpTokens), aws.ToString(i.SecurityGroups[0].GroupName), aws.ToString(i.IamInstanceProfile.Arn),
		string(i.InstanceLifecycle), aws.ToInt32(i.MetadataOptions.HttpPutResponseHopLimit), aws.ToTime(i.LaunchTime),
	}
	if diff := cmp.Diff(want, has); diff != "" {
		t.Error(diff)
	}
	if aws.ToString(i.SubnetId) == "" || aws.ToString(i.PrivateIpAddress) == "" || aws.ToString(i.SpotInstanceRequestId) == "" {
		t.Errorf("no network or no spot request: %+v", i)
	}
}

// failure mode D2
func TestATokenGivesTheSameAnswerOnceMore(t *testing.T) {
	w := newWorld(t)
	id := w.template("t-1")
	request := ask(id, "token", types.DefaultTargetCapacityTypeSpot, 3)
	first, err := w.CreateFleet(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	again, err := w.CreateFleet(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ids(first), ids(again)); diff != "" || aws.ToString(first.FleetId) != aws.ToString(again.FleetId) || w.cloud.Made() != 3 {
		t.Errorf("the repetition differs, or %d instances were made: %s", w.cloud.Made(), diff)
	}
	_, err = w.CreateFleet(t.Context(), ask(id, "token", types.DefaultTargetCapacityTypeSpot, 4))
	if got := code(t, err); got != "IdempotentParameterMismatch" {
		t.Errorf("another request with the token: %q", got)
	}
}

func TestAnInstanceGoesThroughItsStatesSlowly(t *testing.T) {
	w := newWorld(t)
	id := w.template("t-1", func(d *types.RequestLaunchTemplateData) {
		d.InstanceInitiatedShutdownBehavior = types.ShutdownBehaviorStop
	})
	all := w.launch(ask(id, "token", types.DefaultTargetCapacityTypeOnDemand, 1))
	state := func() string {
		t.Helper()
		return string(w.instances(&ec2.DescribeInstancesInput{InstanceIds: all})[0].State.Name)
	}
	var seen []string
	note := func(after time.Duration) {
		t.Helper()
		w.clock.Advance(after)
		seen = append(seen, state())
	}
	note(0)
	note(time.Minute)
	if _, err := w.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: all}); err != nil {
		t.Fatal(err)
	}
	note(time.Second)
	note(2 * time.Minute)
	if _, err := w.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: all}); err != nil {
		t.Fatal(err)
	}
	note(0)
	note(time.Minute)
	out, err := w.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: all})
	if err != nil {
		t.Fatal(err)
	}
	if c := out.TerminatingInstances[0]; c.PreviousState.Name != "running" || c.CurrentState.Name != "shutting-down" {
		t.Errorf("the answer to the termination: %+v", c)
	}
	note(time.Second)
	note(3 * time.Minute)
	want := []string{"pending", "running", "stopping", "stopped", "pending", "running", "shutting-down", "terminated"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

// failure mode D1
func TestAnInstanceMayBeUnknownRightAfterItsCreation(t *testing.T) {
	w := newWorld(t)
	if err := w.cloud.SetFaults(sim.Faults{Hidden: 1, HiddenFor: time.Minute}); err != nil {
		t.Fatal(err)
	}
	all := w.launch(ask(w.template("t-1"), "token", types.DefaultTargetCapacityTypeSpot, 1))
	_, err := w.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: all})
	if got := code(t, err); got != "InvalidInstanceID.NotFound" {
		t.Fatalf("right after its creation: %q", got)
	}
	w.clock.Advance(time.Minute)
	if got := len(w.instances(&ec2.DescribeInstancesInput{InstanceIds: all})); got != 1 {
		t.Errorf("%d instances a minute later", got)
	}
}

func TestRegionsShareNothing(t *testing.T) {
	w := newWorld(t)
	all := w.launch(ask(w.template("t-1"), "token", types.DefaultTargetCapacityTypeSpot, 1))
	elsewhere := client(another, httpClient(w.server), "")
	_, err := elsewhere.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: all})
	if got := code(t, err); got != "InvalidInstanceID.NotFound" {
		t.Errorf("an instance of another region: %q", got)
	}
	_, err = elsewhere.DescribeLaunchTemplates(t.Context(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{"t-1"}})
	if got := code(t, err); got != "InvalidLaunchTemplateName.NotFoundException" {
		t.Errorf("a template of another region: %q", got)
	}
	_, err = client("mars-north-1", httpClient(w.server), "").DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
	if got := code(t, err); got == "" {
		t.Error("a region that does not exist answered")
	}
}

func TestAPoolWithoutRoomSendsTheLaunchToTheNext(t *testing.T) {
	w := newWorld(t)
	w.cloud.SetCapacity(sim.Pool{Type: "c7i.large", Market: fleet.OnDemand}, 0)
	out, err := w.CreateFleet(t.Context(), ask(w.template("t-1"), "token", types.DefaultTargetCapacityTypeOnDemand, 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range out.Instances {
		if i.InstanceType != "m7i.large" || i.Lifecycle != types.InstanceLifecycleOnDemand {
			t.Errorf("an instance of %s, %s", i.InstanceType, i.Lifecycle)
		}
	}
	if len(ids(out)) != 2 {
		t.Errorf("%d instances", len(ids(out)))
	}
}
