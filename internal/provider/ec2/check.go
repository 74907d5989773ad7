package ec2

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
)

// Check asks EC2 whether it would launch a machine: with the image, the subnets and the rights that a launch has. It changes
// nothing, so that a launch is tried only in part where none has ever made the launch template. The error says what is wrong.
func (p *Provider) Check(ctx context.Context, r provider.Request) error {
	place, ok := p.places[r.Site]
	if !ok {
		return fmt.Errorf("%s: %w", r.Site, errUnknownSite)
	}
	f, err := plan(r, place.site, p.options.Fleet, place.inventory.Load())
	if err != nil {
		return err
	}
	if err := checkGroups(ctx, place); err != nil {
		return err
	}
	template := place.templates[f.Template].input(p.options.Fleet)
	template.ClientToken, template.DryRun = nil, aws.Bool(true)
	if _, err := place.client.CreateLaunchTemplate(ctx, template); !would(err, api.CodeTemplateExists) {
		return fmt.Errorf("trying to make a launch template: %w", err)
	}
	in := f.input(r)
	in.ClientToken, in.DryRun = nil, aws.Bool(true)
	if _, err := place.client.CreateFleet(ctx, in); !would(err, api.CodeTemplateNotFound) {
		return fmt.Errorf("trying a launch: %w", err)
	}
	return nil
}

// would says whether a dry run shows that the call may be made: the code says so, or that it came too late or too early for the
// launch template, which EC2 looks at after the rights.
func would(err error, template string) bool {
	code := api.CodeOf(err)
	return code == api.CodeDryRun || code == template
}

// checkGroups looks at the security groups, which neither a launch template nor a dry run does: they have to exist, in the network
// of the subnets.
func checkGroups(ctx context.Context, p *place) error {
	if len(p.site.SecurityGroups) == 0 {
		return nil
	}
	subnets, err := p.client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: p.site.Subnets})
	if err != nil {
		return fmt.Errorf("looking for the subnets: %w", err)
	}
	groups, err := p.client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: p.site.SecurityGroups})
	if err != nil {
		return fmt.Errorf("looking for the security groups: %w", err)
	}
	for _, s := range subnets.Subnets {
		for _, g := range groups.SecurityGroups {
			if aws.ToString(s.VpcId) != aws.ToString(g.VpcId) {
				return fmt.Errorf("the security group %s is in the network %s, and the subnet %s in %s: all have to be in one",
					aws.ToString(g.GroupId), aws.ToString(g.VpcId), aws.ToString(s.SubnetId), aws.ToString(s.VpcId))
			}
		}
	}
	return nil
}
