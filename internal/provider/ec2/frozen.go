package ec2

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// frozenFormat is raised when input makes another call of the same plan: a newer server then refuses to repeat what an older
// one has begun, instead of being refused by EC2 or, worse, understood differently.
const frozenFormat = 1

// pinnedVersion is the launch template's: the name says what is in it, so that there is never a second one (failure mode G9).
const pinnedVersion = "1"

// frozen is all that a call says besides the request. It is about a kilobyte in a launch's row.
type frozen struct {
	Format   int               `json:"format"`
	Template string            `json:"template"`
	Version  string            `json:"version"`
	Image    string            `json:"image"`
	Device   string            `json:"device"`
	Disk     disk              `json:"disk"`
	Profile  string            `json:"profile,omitempty"`
	Pools    []pool            `json:"pools"`
	Tags     map[string]string `json:"tags"`
}

func (f frozen) encode() (json.RawMessage, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encoding a launch: %w", err)
	}
	return b, nil
}

func thaw(b json.RawMessage) (frozen, error) {
	var f frozen
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || f.Format != frozenFormat {
		return frozen{}, invalid("the launch was frozen by another version of runs-fleet (format %d, this one has %d)", f.Format, frozenFormat)
	}
	return f, nil
}

// input makes the call. It is pure: the same request makes the same bytes.
func (f frozen) input(r provider.Request) *ec2.CreateFleetInput {
	in := &ec2.CreateFleetInput{
		ClientToken: aws.String(r.LaunchID),
		Type:        types.FleetTypeInstant, // the others answer before they launch (failure mode D1)
		LaunchTemplateConfigs: []types.FleetLaunchTemplateConfigRequest{{
			LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecificationRequest{
				LaunchTemplateName: aws.String(f.Template), Version: aws.String(f.Version),
			},
			Overrides: f.overrides(),
		}},
		TargetCapacitySpecification: &types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity: aws.Int32(int32(r.Count)),
		},
		TagSpecifications: f.tagSpecifications(),
	}
	if r.Market == fleet.Spot {
		in.TargetCapacitySpecification.DefaultTargetCapacityType = types.DefaultTargetCapacityTypeSpot
		in.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: types.SpotAllocationStrategyPriceCapacityOptimized}
	} else {
		in.TargetCapacitySpecification.DefaultTargetCapacityType = types.DefaultTargetCapacityTypeOnDemand
		in.OnDemandOptions = &types.OnDemandOptionsRequest{AllocationStrategy: types.FleetOnDemandAllocationStrategyLowestPrice}
	}
	return in
}

// overrides name a subnet each, which is in one zone: EC2 refuses two overrides for one type in one zone (failure mode D5), and
// a call without a subnet needs a default VPC (failure mode D13).
func (f frozen) overrides() []types.FleetLaunchTemplateOverridesRequest {
	var out []types.FleetLaunchTemplateOverridesRequest
	for _, p := range f.Pools {
		for _, t := range p.Types {
			out = append(out, types.FleetLaunchTemplateOverridesRequest{
				InstanceType: types.InstanceType(t), SubnetId: aws.String(p.Subnet), ImageId: aws.String(f.Image),
				BlockDeviceMappings: []types.FleetBlockDeviceMappingRequest{{DeviceName: aws.String(f.Device), Ebs: f.Disk.request()}},
				IamInstanceProfile:  f.profile(),
			})
		}
	}
	return slices.Clip(out)
}

func (f frozen) profile() *types.FleetIamInstanceProfileSpecificationRequest {
	switch {
	case f.Profile == "":
		return nil
	case strings.HasPrefix(f.Profile, "arn:"):
		return &types.FleetIamInstanceProfileSpecificationRequest{Arn: aws.String(f.Profile)}
	default:
		return &types.FleetIamInstanceProfileSpecificationRequest{Name: aws.String(f.Profile)}
	}
}

func (d disk) request() *types.FleetEbsBlockDeviceRequest {
	return &types.FleetEbsBlockDeviceRequest{
		VolumeSize: aws.Int32(int32(d.GB)), VolumeType: types.VolumeType(d.Type),
		Encrypted: aws.Bool(true), DeleteOnTermination: aws.Bool(true), Iops: positive(d.IOPS), Throughput: positive(d.Throughput),
	}
}

func positive(n int) *int32 {
	if n <= 0 {
		return nil
	}
	return aws.Int32(int32(n))
}

// tagSpecifications tag what a fleet of type instant can tag at its launch (page "API_CreateFleet"; failure mode D2: any other
// resource type is refused).
func (f frozen) tagSpecifications() []types.TagSpecification {
	list := tagList(f.Tags)
	var out []types.TagSpecification
	for _, what := range []types.ResourceType{
		types.ResourceTypeFleet, types.ResourceTypeInstance, types.ResourceTypeVolume, types.ResourceTypeNetworkInterface,
	} {
		out = append(out, types.TagSpecification{ResourceType: what, Tags: list})
	}
	return out
}
