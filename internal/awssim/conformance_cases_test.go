package awssim_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func fleetCases() []conformance {
	ctx := context.Background()
	refusing := func(change func(target, *ec2.CreateFleetInput)) func(target) (string, error) {
		return func(o target) (string, error) {
			out, err := o.fleet(spot, 1, func(r *ec2.CreateFleetInput) { change(o, r) })
			if err != nil {
				return "", err
			}
			if len(out.Errors) > 0 {
				return "among Errors: " + aws.ToString(out.Errors[0].ErrorCode), nil
			}
			return "launched", nil
		}
	}
	return []conformance{
		{"a fleet launches as many as it was asked for", "API_CreateFleet", "3", "", func(o target) (string, error) {
			return strconv.Itoa(len(o.launched(spot, 3))), nil
		}},
		{"instances say which fleet they are of", "tag-ec2-fleet", "tagged", "not tagged", func(o target) (string, error) {
			i := o.described(o.launched(spot, 1))[0]
			return either(slices.ContainsFunc(i.Tags, func(t types.Tag) bool { return aws.ToString(t.Key) == "aws:ec2:fleet-id" }), "tagged", "not tagged"), nil
		}},
		{"instances have the template's metadata options", "API_RequestLaunchTemplateData", "required", "optional", func(o target) (string, error) {
			id := o.template(func(d *types.RequestLaunchTemplateData) {
				d.MetadataOptions = &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: types.LaunchTemplateHttpTokensStateRequired}
			})
			out, err := o.CreateFleet(ctx, ask(id, o.name, spot, 1))
			if err != nil {
				return "", err
			}
			return string(o.described(ids(out))[0].MetadataOptions.HttpTokens), nil
		}},
		{"a token used again for the same request", "ec2-api-idempotency", "the same instances", "others", func(o target) (string, error) {
			r := ask(o.template(nil), o.name, spot, 2)
			first, err := o.CreateFleet(ctx, r)
			if err != nil {
				return "", err
			}
			again, err := o.CreateFleet(ctx, r)
			if err != nil {
				return "", err
			}
			return either(slices.Equal(ids(first), ids(again)), "the same instances", "others"), nil
		}},
		{"a token used again for another request", "ec2-api-idempotency", "IdempotentParameterMismatch", "launched", func(o target) (string, error) {
			id := o.template(nil)
			if _, err := o.CreateFleet(ctx, ask(id, o.name, spot, 1)); err != nil {
				return "", err
			}
			_, err := o.CreateFleet(ctx, ask(id, o.name, spot, 2))
			return "launched", err
		}},
		{"one pool twice", "API_FleetLaunchTemplateOverridesRequest", "InvalidFleetConfig", "launched", refusing(func(_ target, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides = []types.FleetLaunchTemplateOverridesRequest{in("c5.large", zoneA), in("c5.large", zoneA)}
		})},
		{"a template version that does not exist", "errors-overview", "InvalidLaunchTemplateId.VersionNotFound", "", refusing(func(_ target, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].LaunchTemplateSpecification.Version = aws.String("7")
		})},
		{"no template version", "API_FleetLaunchTemplateSpecificationRequest", "MissingParameter", "launched", refusing(func(_ target, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].LaunchTemplateSpecification.Version = nil
		})},
		{"an image of another architecture", "API_RunInstances", "among Errors: InvalidParameterValue", "launched", refusing(func(_ target, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides = []types.FleetLaunchTemplateOverridesRequest{in("c6g.large", zoneA)}
		})},
		{"an image that does not exist", "errors-overview", "among Errors: InvalidAMIID.NotFound", "launched", refusing(func(_ target, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides[0].ImageId = aws.String("ami-00000000000000000")
		})},
		{"a subnet that does not exist", "errors-overview", "InvalidSubnetID.NotFound", "", refusing(func(_ target, r *ec2.CreateFleetInput) {
			r.LaunchTemplateConfigs[0].Overrides[0].SubnetId = aws.String("subnet-00000000000000000")
		})},
		{"an allocation strategy of the other market", "ec2-fleet-allocation-strategy", "InvalidParameterValue", "launched", refusing(func(_ target, r *ec2.CreateFleetInput) {
			r.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: "prioritized"}
		})},
		{"51 tags", "Using_Tags", "TagLimitExceeded", "", refusing(func(_ target, r *ec2.CreateFleetInput) { r.TagSpecifications[0].Tags = tags(51) })},
		{"a tag of AWS's own", "Using_Tags", "InvalidParameterValue", "launched", refusing(func(_ target, r *ec2.CreateFleetInput) {
			r.TagSpecifications[0].Tags = []types.Tag{{Key: aws.String("aws:mine"), Value: aws.String("x")}}
		})},
		{"a dry run of a fleet", "errors-overview", "DryRunOperation", "", refusing(func(_ target, r *ec2.CreateFleetInput) { r.DryRun = aws.Bool(true) })},
	}
}

func instanceCases() []conformance {
	ctx := context.Background()
	unknown := []string{"i-00000000000000000"}
	return []conformance{
		{"right after its launch", "ec2-instance-lifecycle", "pending", "running", func(o target) (string, error) {
			return string(o.described(o.launched(onDemand, 1))[0].State.Name), nil
		}},
		{"right after its termination", "ec2-instance-lifecycle", "shutting-down", "terminated", func(o target) (string, error) {
			all := o.launched(onDemand, 1)
			if _, err := o.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: all}); err != nil {
				return "", err
			}
			return string(o.described(all)[0].State.Name), nil
		}},
		{"start what has been terminated", "API_StartInstances", "IncorrectInstanceState", "started", func(o target) (string, error) {
			all := o.launched(onDemand, 1)
			if _, err := o.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: all}); err != nil {
				return "", err
			}
			_, err := o.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: all})
			return "started", err
		}},
		{"stop a one-time spot instance", "stop-spot-instances", "UnsupportedOperation", "stopped", func(o target) (string, error) {
			_, err := o.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: o.launched(spot, 1)})
			return "stopped", err
		}},
		{"terminate an unknown id", "API_TerminateInstances", "InvalidInstanceID.NotFound", "", func(o target) (string, error) {
			_, err := o.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: unknown})
			return "terminated", err
		}},
		{"terminate what is no id", "errors-overview", "InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound", func(o target) (string, error) {
			_, err := o.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{"machine-1"}})
			return "terminated", err
		}},
		{"terminate one known and one unknown id", "API_TerminateInstances", "both live on", "", func(o target) (string, error) {
			all := o.launched(onDemand, 1)
			if _, err := o.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: append(unknown, all...)}); err == nil {
				return "terminated", nil
			}
			s := o.described(all)[0].State.Name
			return either(s == types.InstanceStateNamePending || s == types.InstanceStateNameRunning, "both live on", string(s)), nil
		}},
		{"a dry run of a termination", "errors-overview", "DryRunOperation", "", func(o target) (string, error) {
			_, err := o.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: o.launched(onDemand, 1), DryRun: aws.Bool(true)})
			return "terminated", err
		}},
		{"the root volume that a template asks for", "API_LaunchTemplateEbsBlockDeviceRequest", "40 gp3", "8 gp2", func(o target) (string, error) {
			id := o.template(func(d *types.RequestLaunchTemplateData) {
				d.BlockDeviceMappings = []types.LaunchTemplateBlockDeviceMappingRequest{{
					DeviceName: aws.String("/dev/sda1"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(40), VolumeType: "gp3"},
				}}
			})
			out, err := o.CreateFleet(ctx, ask(id, o.name, onDemand, 1))
			if err != nil {
				return "", err
			}
			volumes, err := o.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{Filters: filters("attachment.instance-id", ids(out)...)})
			if err != nil || len(volumes.Volumes) == 0 {
				return "none", err
			}
			return fmt.Sprint(aws.ToInt32(volumes.Volumes[0].Size), " ", volumes.Volumes[0].VolumeType), nil
		}},
	}
}

func listingCases() []conformance {
	ctx := context.Background()
	count := func(o target, f []types.Filter) (string, error) {
		out, err := o.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: append(f, filters("tag:runs-fleet:launch", o.name)...)})
		if err != nil {
			return "", err
		}
		return strconv.Itoa(len(flat(out))), nil
	}
	return []conformance{
		{"a filter that does not exist", "Using_Filtering", "InvalidParameterValue", "no answer", func(o target) (string, error) {
			return count(o, filters("launch-moment", "now"))
		}},
		{"a filter by tag", "API_DescribeInstances", "2", "", func(o target) (string, error) {
			o.launched(spot, 2)
			return count(o, nil)
		}},
		{"a filter by market", "API_DescribeInstances", "2", "no answer", func(o target) (string, error) {
			o.launched(spot, 2)
			return count(o, filters("instance-lifecycle", "spot"))
		}},
		{"a filter by the start of the launch time", "API_DescribeInstances", "2", "no answer", func(o target) (string, error) {
			o.launched(spot, 2)
			return count(o, filters("launch-time", "20*"))
		}},
		{"a page of 5", "API_DescribeInstances", "5 and a token", "", func(o target) (string, error) {
			o.launched(spot, 6)
			out, err := o.DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5), Filters: filters("tag:runs-fleet:launch", o.name)})
			if err != nil {
				return "", err
			}
			return fmt.Sprint(len(flat(out)), either(out.NextToken != nil, " and a token", "")), nil
		}},
		{"a page of 4", "API_DescribeInstances", "InvalidParameterValue", "listed", func(o target) (string, error) {
			_, err := o.DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(4)})
			return "listed", err
		}},
		{"ids and pages at once", "API_DescribeInstances", "InvalidParameterCombination", "", func(o target) (string, error) {
			_, err := o.DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5), InstanceIds: o.launched(spot, 1)})
			return "listed", err
		}},
		{"an instance that does not exist", "errors-overview", "InvalidInstanceID.NotFound", "", func(o target) (string, error) {
			_, err := o.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{"i-00000000000000000"}})
			return "listed", err
		}},
		{"the size of c5.large", "API_DescribeInstanceTypes", "2 vCPUs, 4096 MiB, x86_64", "", func(o target) (string, error) {
			out, err := o.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"c5.large"}})
			if err != nil {
				return "", err
			}
			i := out.InstanceTypes[0]
			archs := slices.DeleteFunc(i.ProcessorInfo.SupportedArchitectures, func(a types.ArchitectureType) bool { return a == types.ArchitectureTypeI386 })
			return fmt.Sprintf("%d vCPUs, %d MiB, %s", aws.ToInt32(i.VCpuInfo.DefaultVCpus), aws.ToInt64(i.MemoryInfo.SizeInMiB), archs[0]), nil
		}},
		{"a type that does not exist", "API_DescribeInstanceTypes", "InvalidInstanceType", "", func(o target) (string, error) {
			_, err := o.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"c99.large"}})
			return "listed", err
		}},
		{"all types at once", "API_DescribeInstanceTypes", "100 and a token", "1373", func(o target) (string, error) {
			out, err := o.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{})
			if err != nil {
				return "", err
			}
			return fmt.Sprint(len(out.InstanceTypes), either(out.NextToken != nil, " and a token", "")), nil
		}},
		{"c5.large in a zone", "API_DescribeInstanceTypeOfferings", "offered", "", func(o target) (string, error) {
			out, err := o.DescribeInstanceTypeOfferings(ctx, &ec2.DescribeInstanceTypeOfferingsInput{
				LocationType: types.LocationTypeAvailabilityZone, Filters: append(filters("instance-type", "c5.large"), filters("location", zoneA)...),
			})
			if err != nil {
				return "", err
			}
			return either(len(out.InstanceTypeOfferings) == 1, "offered", "not offered"), nil
		}},
		{"a spot price", "API_DescribeSpotPriceHistory", "plausible", "made up", func(o target) (string, error) {
			out, err := o.DescribeSpotPriceHistory(ctx, &ec2.DescribeSpotPriceHistoryInput{InstanceTypes: []types.InstanceType{"c5.large"}})
			if err != nil || len(out.SpotPriceHistory) == 0 {
				return "none", err
			}
			usd, err := strconv.ParseFloat(aws.ToString(out.SpotPriceHistory[0].SpotPrice), 64)
			return either(err == nil && usd > 0.01 && usd < 0.1, "plausible", "made up"), nil
		}},
		{"placement scores", "API_GetSpotPlacementScores", "scored", "no answer", func(o target) (string, error) {
			out, err := o.GetSpotPlacementScores(ctx, &ec2.GetSpotPlacementScoresInput{
				TargetCapacity: aws.Int32(1), InstanceTypes: []string{"c5.large", "m5.large", "r5.large"},
			})
			if err != nil {
				return "", err
			}
			return either(len(out.SpotPlacementScores) > 0, "scored", "none"), nil
		}},
	}
}
