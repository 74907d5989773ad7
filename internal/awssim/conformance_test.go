package awssim_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/emulator"
	"github.com/runs-fleet/runs-fleet/internal/emulator/awstest"
)

var emulators awstest.Set

func TestMain(m *testing.M) { goleak.VerifyTestMain(emulators.Around(m)) }

// target is an EC2 that a case is tried on.
type target struct {
	*ec2.Client
	t    *testing.T
	name string            // of the case, made fit for resources: cases share one moto
	arch map[string]string // its images by architecture, found once because moto has more than a thousand
}

// conformance is one thing that EC2 does. AWS is what it answers according to the page; moto is what moto 5.2.3 answers, if
// that differs. Where a changed moto answers otherwise, the table (and that of docs/ec2-simulator.md) is to be brought up to date.
type conformance struct {
	name, page, aws, moto string
	try                   func(target) (string, error)
}

func TestTheSimulatorAnswersAsAWSAndMotoAsTheTableSays(t *testing.T) {
	document, err := os.ReadFile("../../docs/ec2-simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	moto := client(emulator.Region, awsclient.HTTP(), emulators.Moto(t))
	onMoto := map[string]string{}
	for n, c := range conformances() {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprintf("case-%d", n)
			if got := outcome(target{newWorld(t).Client, t, name, map[string]string{}}, c); got != c.aws {
				t.Errorf("the simulator: %q, where the page %s says %q", got, c.page, c.aws)
			}
			want := c.aws
			if c.moto != "" {
				want = c.moto
				if row := fmt.Sprintf("| %s | %s | %s | %s |", c.name, c.page, c.aws, c.moto); !strings.Contains(string(document), row) {
					t.Errorf("docs/ec2-simulator.md lacks the row\n%s", row)
				}
			}
			if got := outcome(target{moto, t, name, onMoto}, c); got != want {
				t.Errorf("moto: %q, where the table says %q", got, want)
			}
		})
	}
}

// outcome is the answer in a word, or the code of the refusal.
func outcome(on target, c conformance) string {
	answer, err := c.try(on)
	var api smithy.APIError
	switch {
	case err == nil:
		return answer
	case errors.As(err, &api) && api.ErrorCode() != "":
		return api.ErrorCode()
	default:
		return "no answer"
	}
}

func (o target) image(arch string) string {
	o.t.Helper()
	if id, known := o.arch[arch]; known {
		return id
	}
	out, err := o.DescribeImages(o.t.Context(), &ec2.DescribeImagesInput{
		Owners: []string{"099720109477"}, Filters: []types.Filter{{Name: aws.String("architecture"), Values: []string{arch}}},
	})
	if err != nil || len(out.Images) == 0 {
		o.t.Fatalf("%d images, %v", len(out.Images), err)
	}
	o.arch[arch] = aws.ToString(out.Images[0].ImageId)
	return o.arch[arch]
}

func (o target) template(change func(*types.RequestLaunchTemplateData)) string {
	o.t.Helper()
	data := &types.RequestLaunchTemplateData{ImageId: aws.String(o.image("x86_64"))}
	if change != nil {
		change(data)
	}
	out, err := o.CreateLaunchTemplate(o.t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &o.name, LaunchTemplateData: data})
	if err != nil {
		o.t.Fatal(err)
	}
	return aws.ToString(out.LaunchTemplate.LaunchTemplateId)
}

// fleet launches by a template of its own.
func (o target) fleet(market types.DefaultTargetCapacityType, count int32, change func(*ec2.CreateFleetInput)) (*ec2.CreateFleetOutput, error) {
	r := ask(o.template(nil), o.name, market, count)
	if change != nil {
		change(r)
	}
	return o.CreateFleet(o.t.Context(), r)
}

// launched is the ids of what a fleet launched, which must be something.
func (o target) launched(market types.DefaultTargetCapacityType, count int32) []string {
	o.t.Helper()
	out, err := o.fleet(market, count, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	return ids(out)
}

func (o target) described(ids []string) []types.Instance {
	o.t.Helper()
	out, err := o.DescribeInstances(o.t.Context(), &ec2.DescribeInstancesInput{InstanceIds: ids})
	if err != nil {
		o.t.Fatal(err)
	}
	return flat(out)
}

func flat(out *ec2.DescribeInstancesOutput) []types.Instance {
	var all []types.Instance
	for _, r := range out.Reservations {
		all = append(all, r.Instances...)
	}
	return all
}

const (
	spot     = types.DefaultTargetCapacityTypeSpot
	onDemand = types.DefaultTargetCapacityTypeOnDemand
)

func conformances() []conformance {
	var all []conformance
	for _, part := range [][]conformance{templateCases(), fleetCases(), instanceCases(), listingCases()} {
		all = append(all, part...)
	}
	return all
}

func templateCases() []conformance {
	ctx := context.Background()
	return []conformance{
		{"a template keeps its user data and options", "API_CreateLaunchTemplate", "kept", "", func(o target) (string, error) {
			id := o.template(func(d *types.RequestLaunchTemplateData) {
				d.UserData = aws.String(base64.StdEncoding.EncodeToString([]byte("#!/bin/sh")))
				d.MetadataOptions = &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: types.LaunchTemplateHttpTokensStateRequired}
			})
			out, err := o.DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"$Latest"}})
			if err != nil {
				return "", err
			}
			d := out.LaunchTemplateVersions[0].LaunchTemplateData
			return either(aws.ToString(d.UserData) != "" && d.MetadataOptions != nil && d.MetadataOptions.HttpTokens == "required", "kept", "lost"), nil
		}},
		{"a new version has what its source has", "API_CreateLaunchTemplateVersion", "inherited", "not inherited", func(o target) (string, error) {
			id := o.template(nil)
			out, err := o.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{
				LaunchTemplateId: &id, SourceVersion: aws.String("1"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: "c5.large"},
			})
			if err != nil {
				return "", err
			}
			return either(out.LaunchTemplateVersion.LaunchTemplateData.ImageId != nil, "inherited", "not inherited"), nil
		}},
		{"a template's name that is taken", "errors-overview", "InvalidLaunchTemplateName.AlreadyExistsException", "", func(o target) (string, error) {
			o.template(nil)
			_, err := o.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
				LaunchTemplateName: &o.name, LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: "c5.large"},
			})
			return "created", err
		}},
		{"a template's name with a space", "errors-overview", "InvalidLaunchTemplateName.MalformedException", "created", func(o target) (string, error) {
			_, err := o.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
				LaunchTemplateName: aws.String(o.name + " b"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: "c5.large"},
			})
			return "created", err
		}},
		{"a template that does not exist, by its name", "API_DescribeLaunchTemplates", "InvalidLaunchTemplateName.NotFoundException", "", func(o target) (string, error) {
			_, err := o.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{"missing"}})
			return "listed", err
		}},
		{"user data that is not base64", "errors-overview", "InvalidUserData.Malformed", "", func(o target) (string, error) {
			_, err := o.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
				LaunchTemplateName: &o.name, LaunchTemplateData: &types.RequestLaunchTemplateData{UserData: aws.String("#!/bin/sh")},
			})
			return "created", err
		}},
	}
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}
