package awssim_test

import (
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

func TestInstancesAreFilteredAndPaged(t *testing.T) {
	w := newWorld(t)
	id := w.template("t-1")
	spot := w.launch(ask(id, "a", types.DefaultTargetCapacityTypeSpot, 12))
	onDemand := w.launch(ask(id, "b", types.DefaultTargetCapacityTypeOnDemand, 3))
	for _, c := range []struct {
		name    string
		filters []types.Filter
		want    int
	}{
		{"everything", nil, len(spot) + len(onDemand)},
		{"a tag", filters("tag:runs-fleet:launch", "a"), 12},
		{"one of two values of a tag", filters("tag:runs-fleet:launch", "a", "b"), 15},
		{"a value with a wildcard", filters("tag:runs-fleet:launch", "?"), 15},
		{"a value with a wildcard made ordinary", filters("tag:runs-fleet:launch", `\?`), 0},
		{"a tag's key", filters("tag-key", "runs-fleet:launch"), 15},
		{"the tag that EC2 adds", filters("tag-key", "aws:ec2:fleet-id"), 15},
		{"the market", filters("instance-lifecycle", "spot"), 12},
		{"two filters", append(filters("tag:runs-fleet:launch", "a"), filters("instance-state-name", "running")...), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := len(w.instances(&ec2.DescribeInstancesInput{Filters: c.filters})); got != c.want {
				t.Errorf("%d instances, want %d", got, c.want)
			}
		})
	}
	seen := map[string]bool{}
	pages := ec2.NewDescribeInstancesPaginator(w.Client, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(6)})
	for n := 0; pages.HasMorePages(); n++ {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				seen[aws.ToString(i.InstanceId)] = true
			}
		}
		if n == 0 { // what is launched between two pages comes at the end, and shifts nothing
			w.launch(ask(id, "c", types.DefaultTargetCapacityTypeSpot, 1))
		}
	}
	if len(seen) != 16 {
		t.Errorf("the pages had %d instances, want 16", len(seen))
	}
}

func TestTypesComeInPagesOfAtMostAHundred(t *testing.T) {
	w := newWorld(t)
	seen := map[string]int32{}
	pages := ec2.NewDescribeInstanceTypesPaginator(w.Client, &ec2.DescribeInstanceTypesInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(out.InstanceTypes) > 100 {
			t.Fatalf("a page of %d types", len(out.InstanceTypes))
		}
		for _, i := range out.InstanceTypes {
			seen[string(i.InstanceType)] = aws.ToInt32(i.VCpuInfo.DefaultVCpus)
		}
	}
	if len(seen) != len(w.cloud.Catalog().Types()) || seen["c7i.large"] != 2 {
		t.Errorf("%d types, c7i.large with %d vCPUs", len(seen), seen["c7i.large"])
	}
	out, err := w.DescribeInstanceTypes(t.Context(), &ec2.DescribeInstanceTypesInput{
		Filters: append(filters("processor-info.supported-architecture", "arm64"), filters("vcpu-info.default-vcpus", "2")...),
	})
	if err != nil || len(out.InstanceTypes) == 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	for _, i := range out.InstanceTypes {
		if i.ProcessorInfo.SupportedArchitectures[0] != types.ArchitectureTypeArm64 || *i.VCpuInfo.DefaultVCpus != 2 {
			t.Errorf("%+v", i)
		}
	}
}

// failure mode D9
func TestOfferingsDifferFromZoneToZone(t *testing.T) {
	w := newWorld(t)
	out, err := w.DescribeInstanceTypeOfferings(t.Context(), &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: types.LocationTypeAvailabilityZone, Filters: filters("instance-type", "c8g.large", "c7g.large"),
	})
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, o := range out.InstanceTypeOfferings {
		has[string(o.InstanceType)+" "+aws.ToString(o.Location)] = true
	}
	if !has["c8g.large "+zoneA] || has["c8g.large "+zoneC] || !has["c7g.large "+zoneC] {
		t.Errorf("%v", has)
	}
}

func TestSpotPricesAreToldNewestFirstAndWithinTheirHistory(t *testing.T) {
	w := newWorld(t)
	out, err := w.DescribeSpotPriceHistory(t.Context(), &ec2.DescribeSpotPriceHistoryInput{
		InstanceTypes: []types.InstanceType{"c7i.large"}, ProductDescriptions: []string{"Linux/UNIX"}, StartTime: aws.Time(start().Add(-24 * time.Hour)),
	})
	if err != nil || len(out.SpotPriceHistory) < 6 {
		t.Fatalf("%+v, %v", out, err)
	}
	last := start().Add(time.Hour)
	for _, p := range out.SpotPriceHistory {
		usd, err := strconv.ParseFloat(aws.ToString(p.SpotPrice), 64)
		if err != nil || usd <= 0 || aws.ToTime(p.Timestamp).After(last) {
			t.Errorf("%+v", p)
		}
		last = aws.ToTime(p.Timestamp)
	}
	now, err := w.DescribeSpotPriceHistory(t.Context(), &ec2.DescribeSpotPriceHistoryInput{
		InstanceTypes: []types.InstanceType{"c7i.large"}, ProductDescriptions: []string{"Linux/UNIX"}, StartTime: aws.Time(start()),
	})
	if err != nil || len(now.SpotPriceHistory) != 3 {
		t.Errorf("the prices of now: %+v, %v, want one for each zone", now, err)
	}
}

func TestATemplatesNextVersionHasWhatItsSourceHas(t *testing.T) {
	w := newWorld(t)
	id := w.template("t-1", func(d *types.RequestLaunchTemplateData) { d.KeyName = aws.String("key") })
	made, err := w.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &id, SourceVersion: aws.String("1"),
		LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: "c7i.large"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := made.LaunchTemplateVersion.LaunchTemplateData; aws.ToString(d.KeyName) != "key" || d.InstanceType != "c7i.large" {
		t.Errorf("%+v", d)
	}
	out, err := w.DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: &id, Versions: []string{"$Latest", "$Default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int64
	for _, v := range out.LaunchTemplateVersions {
		numbers = append(numbers, aws.ToInt64(v.VersionNumber))
	}
	if diff := cmp.Diff([]int64{1, 2}, numbers); diff != "" {
		t.Error(diff)
	}
}

func TestWhatLaunchTemplatesRefuse(t *testing.T) {
	template := func(name string, d types.RequestLaunchTemplateData) func(*testing.T, *world) error {
		return func(t *testing.T, w *world) error {
			t.Helper()
			_, err := w.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: &d})
			return err
		}
	}
	typed := types.RequestLaunchTemplateData{InstanceType: "c7i.large"}
	refused(t, []mistake{
		{"a name with a space", "errors-overview", "InvalidLaunchTemplateName.MalformedException", template("my template", typed)},
		{"a name of two characters", "errors-overview", "InvalidLaunchTemplateName.MalformedException", template("ab", typed)},
		{"nothing in it", "API_CreateLaunchTemplate", "MissingParameter", template("empty", types.RequestLaunchTemplateData{})},
		{"user data that is not base64", "errors-overview", "InvalidUserData.Malformed", template("data", types.RequestLaunchTemplateData{UserData: aws.String("#!/bin/sh")})},
		{"a hop limit of 65", "API_LaunchTemplateInstanceMetadataOptionsRequest", "InvalidParameterValue", template("hops", types.RequestLaunchTemplateData{
			MetadataOptions: &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpPutResponseHopLimit: aws.Int32(65)},
		})},
		{"a name that is taken", "errors-overview", "InvalidLaunchTemplateName.AlreadyExistsException", func(t *testing.T, w *world) error {
			w.template("t-1")
			return template("t-1", typed)(t, w)
		}},
		{"a source that does not exist", "errors-overview", "InvalidLaunchTemplateId.VersionNotFound", func(t *testing.T, w *world) error {
			id := w.template("t-1")
			_, err := w.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{
				LaunchTemplateId: &id, SourceVersion: aws.String("2"), LaunchTemplateData: &typed,
			})
			return err
		}},
		{"one token, another name", "ec2-api-idempotency", "IdempotentParameterMismatch", func(t *testing.T, w *world) error {
			var err error
			for _, name := range []string{"t-1", "t-2"} {
				_, err = w.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
					LaunchTemplateName: &name, LaunchTemplateData: &typed, ClientToken: aws.String("token"),
				})
			}
			return err
		}},
	})
}

func TestATemplateIsCreatedOnceWithItsToken(t *testing.T) {
	w := newWorld(t)
	create := func() string {
		t.Helper()
		out, err := w.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
			LaunchTemplateName: aws.String("t-1"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: "c7i.large"}, ClientToken: aws.String("token"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.LaunchTemplate.LaunchTemplateId)
	}
	if first, again := create(), create(); first != again {
		t.Errorf("%s, then %s", first, again)
	}
}

func TestVolumesAndInterfacesHaveTheTagsOfTheirLaunch(t *testing.T) {
	w := newWorld(t)
	r := ask(w.template("t-1", func(d *types.RequestLaunchTemplateData) {
		d.BlockDeviceMappings = []types.LaunchTemplateBlockDeviceMappingRequest{{
			DeviceName: aws.String("/dev/sda1"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(40), Encrypted: aws.Bool(true), VolumeType: "gp3"},
		}}
	}), "token", types.DefaultTargetCapacityTypeSpot, 1)
	for _, kind := range []types.ResourceType{types.ResourceTypeVolume, types.ResourceTypeNetworkInterface} {
		r.TagSpecifications = append(r.TagSpecifications, types.TagSpecification{
			ResourceType: kind, Tags: []types.Tag{{Key: aws.String("of"), Value: aws.String(string(kind))}},
		})
	}
	id := w.launch(r)[0]
	volumes, err := w.DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{Filters: filters("tag:of", "volume")})
	if err != nil || len(volumes.Volumes) != 1 {
		t.Fatalf("%+v, %v", volumes, err)
	}
	if v := volumes.Volumes[0]; aws.ToInt32(v.Size) != 40 || !aws.ToBool(v.Encrypted) || aws.ToString(v.Attachments[0].InstanceId) != id {
		t.Errorf("%+v", v)
	}
	interfaces, err := w.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{Filters: filters("tag:of", "network-interface")})
	if err != nil || len(interfaces.NetworkInterfaces) != 1 || aws.ToString(interfaces.NetworkInterfaces[0].Attachment.InstanceId) != id {
		t.Errorf("%+v, %v", interfaces, err)
	}
	if _, err := w.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: tags(1)}); err != nil {
		t.Fatal(err)
	}
	all, err := w.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: filters("resource-id", id)})
	if err != nil || len(all.Tags) != 3 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestPlacementScoresFollowTheRoomThatThereIs(t *testing.T) {
	w := newWorld(t)
	w.cloud.SetCapacity(sim.Pool{Region: another}, 0)
	out, err := w.GetSpotPlacementScores(t.Context(), &ec2.GetSpotPlacementScoresInput{
		TargetCapacity: aws.Int32(10), InstanceTypes: []string{"c7i.large", "m7i.large", "r7i.large"},
	})
	if err != nil {
		t.Fatal(err)
	}
	scores := map[string]int32{}
	for _, s := range out.SpotPlacementScores {
		scores[aws.ToString(s.Region)] = aws.ToInt32(s.Score)
	}
	if diff := cmp.Diff(map[string]int32{region: 10, another: 1}, scores); diff != "" {
		t.Error(diff)
	}
}

func TestTheConsoleTellsWhatABootPrinted(t *testing.T) {
	w := newWorld(t)
	id := w.launch(ask(w.template("t-1"), "token", types.DefaultTargetCapacityTypeSpot, 1))[0]
	w.clock.Advance(time.Minute)
	out, err := w.GetConsoleOutput(t.Context(), &ec2.GetConsoleOutputInput{InstanceId: &id})
	if err != nil {
		t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.Output))
	if err != nil || !strings.Contains(string(text), "the kernel has started") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestTheAPIIsServedOverASocket(t *testing.T) {
	w := newWorld(t)
	s := httptest.NewServer(w.server.Handler())
	defer s.Close()
	c := client(region, s.Client(), s.URL)
	out, err := c.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: filters("default-for-az", "true")})
	if err != nil {
		t.Fatal(err)
	}
	var zones []string
	for _, subnet := range out.Subnets {
		zones = append(zones, fmt.Sprint(aws.ToString(subnet.AvailabilityZone), " ", aws.ToString(subnet.AvailabilityZoneId)))
	}
	if diff := cmp.Diff([]string{zoneA + " use1-az1", zoneB + " use1-az2", zoneC + " use1-az3"}, zones); diff != "" {
		t.Error(diff)
	}
}
