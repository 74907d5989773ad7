package awssim_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
	"github.com/runs-fleet/runs-fleet/internal/seam/seamtest"
)

// Two regions, the first of which is the one of most tests.
const (
	region  = "us-east-1"
	another = "eu-west-1"
	zoneA   = "us-east-1a"
	zoneB   = "us-east-1b"
	zoneC   = "us-east-1c" // without the newest generation
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// world is a cloud behind the API, and the SDK's client of the first region.
type world struct {
	*ec2.Client
	t      *testing.T
	clock  *seamtest.Clock
	cloud  *sim.Cloud
	server *awssim.Server
}

func newWorld(t *testing.T, change ...func(*sim.Options, *awssim.Options)) *world {
	t.Helper()
	known, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, clock: seamtest.At(start())}
	regions := append(sim.DefaultRegions(20), sim.Region{Name: another, Capacity: 20, Zones: []sim.Zone{{Name: "eu-west-1a"}, {Name: "eu-west-1b"}}})
	cloud := sim.Options{
		Clock: w.clock, Random: seamtest.NewRandom(1), Catalog: known, Regions: regions,
		Timing: sim.DefaultTiming(), KeepEvents: true,
	}
	api := awssim.Options{Clock: w.clock, SecurityGroups: []string{"runners"}}
	for _, c := range change {
		c(&cloud, &api)
	}
	if w.cloud, err = sim.New(cloud); err != nil {
		t.Fatal(err)
	}
	api.Cloud = w.cloud
	if w.server, err = awssim.New(api); err != nil {
		t.Fatal(err)
	}
	w.Client = client(region, httpClient(w.server), "")
	return w
}

// client is the SDK's, which tries each call once.
func client(region string, by *http.Client, endpoint string) *ec2.Client {
	o := ec2.Options{
		Region: region, HTTPClient: by, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		RetryMaxAttempts: 1,
	}
	if endpoint != "" {
		o.BaseEndpoint = aws.String(endpoint)
	}
	return ec2.New(o)
}

// httpClient reaches the server without a socket.
func httpClient(s *awssim.Server) *http.Client { return &http.Client{Transport: s.Transport()} }

// image is the newest Ubuntu 24.04 of an architecture.
func (w *world) image(arch types.ArchitectureValues) string {
	w.t.Helper()
	out, err := w.DescribeImages(w.t.Context(), &ec2.DescribeImagesInput{
		Owners: []string{"099720109477"}, Filters: []types.Filter{
			{Name: aws.String("name"), Values: []string{"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-*-server-*"}},
			{Name: aws.String("architecture"), Values: []string{string(arch)}},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var newest types.Image
	for _, i := range out.Images {
		if aws.ToString(i.CreationDate) > aws.ToString(newest.CreationDate) {
			newest = i
		}
	}
	return aws.ToString(newest.ImageId)
}

// template makes a launch template that has all that a launch needs but the type, and returns its id.
func (w *world) template(name string, change ...func(*types.RequestLaunchTemplateData)) string {
	w.t.Helper()
	data := &types.RequestLaunchTemplateData{ImageId: aws.String(w.image(types.ArchitectureValuesX8664))}
	for _, c := range change {
		c(data)
	}
	out, err := w.CreateLaunchTemplate(w.t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: data})
	if err != nil {
		w.t.Fatal(err)
	}
	return aws.ToString(out.LaunchTemplate.LaunchTemplateId)
}

// ask is a valid CreateFleet of a template's first version.
func ask(template, token string, market types.DefaultTargetCapacityType, count int32, overrides ...types.FleetLaunchTemplateOverridesRequest) *ec2.CreateFleetInput {
	if len(overrides) == 0 {
		overrides = []types.FleetLaunchTemplateOverridesRequest{in("c7i.large", zoneA), in("c7i.large", zoneB), in("m7i.large", zoneA)}
	}
	return &ec2.CreateFleetInput{
		Type: types.FleetTypeInstant, ClientToken: &token,
		LaunchTemplateConfigs: []types.FleetLaunchTemplateConfigRequest{{
			LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecificationRequest{LaunchTemplateId: &template, Version: aws.String("1")},
			Overrides:                   overrides,
		}},
		TargetCapacitySpecification: &types.TargetCapacitySpecificationRequest{TotalTargetCapacity: &count, DefaultTargetCapacityType: market},
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("runs-fleet:launch"), Value: &token}},
		}},
	}
}

func in(instanceType, zone string) types.FleetLaunchTemplateOverridesRequest {
	return types.FleetLaunchTemplateOverridesRequest{InstanceType: types.InstanceType(instanceType), AvailabilityZone: &zone}
}

// launch launches and returns the ids.
func (w *world) launch(r *ec2.CreateFleetInput) []string {
	w.t.Helper()
	out, err := w.CreateFleet(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return ids(out)
}

func ids(out *ec2.CreateFleetOutput) []string {
	var all []string
	for _, i := range out.Instances {
		all = append(all, i.InstanceIds...)
	}
	return all
}

// instances describes instances, flat.
func (w *world) instances(p *ec2.DescribeInstancesInput) []types.Instance {
	w.t.Helper()
	out, err := w.DescribeInstances(w.t.Context(), p)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []types.Instance
	for _, r := range out.Reservations {
		all = append(all, r.Instances...)
	}
	return all
}

// code is the code of EC2's refusal, empty without an error.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("%v is no refusal of the API", err)
	}
	return api.ErrorCode()
}
