package api

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Client is EC2 in one region, with our limits. It repeats nothing: who calls knows what may be repeated, and the SDK's own
// repetitions run on a clock that no simulation can follow.
type Client struct {
	region string
	sdk    *ec2.Client
	limits *limits
}

// Options of a Client. Clock and Random are required; a nil Tally counts nothing, and zero Rates are DefaultRates.
type Options struct {
	Clock  seam.Clock
	Random seam.Random
	Rates  Rates
	Tally  *awsclient.Tally
}

// New makes the client of a region. It makes no call.
func New(region string, cfg aws.Config, o Options) *Client {
	cfg = o.Tally.Install(cfg)
	cfg.HTTPClient = awsclient.WholeBodies(cfg.HTTPClient)
	cfg.Region = region
	return &Client{
		region: region, limits: newLimits(o.Clock, o.Random, o.Rates),
		sdk: ec2.NewFromConfig(cfg, func(to *ec2.Options) { to.Retryer = aws.NopRetryer{} }),
	}
}

// callDeadline bounds one call, beside what its caller allows: a connection that has died silently ends with it (failure mode
// D15). CreateFleet of the type instant answers within seconds.
const callDeadline = 25 * time.Second

// call makes one call when the limits allow it.
func call[In, Out any](
	ctx context.Context, c *Client, action string, do func(context.Context, *In, ...func(*ec2.Options)) (*Out, error), in *In,
) (*Out, error) {
	if err := c.limits.wait(ctx, action); err != nil {
		return nil, fmt.Errorf("%s in %s: %w", action, c.region, err)
	}
	ctx, cancel := c.limits.clock.WithTimeout(ctx, callDeadline)
	defer cancel()
	out, err := do(ctx, in)
	if err := classify(action, c.region, err); err != nil {
		if KindOf(err) == Throttled {
			c.limits.refused(action)
		}
		return nil, err
	}
	c.limits.accepted(action)
	return out, nil
}

// CreateFleet is the API's action.
func (c *Client) CreateFleet(ctx context.Context, in *ec2.CreateFleetInput) (*ec2.CreateFleetOutput, error) {
	return call(ctx, c, "CreateFleet", c.sdk.CreateFleet, in)
}

// CreateLaunchTemplate is the API's action.
func (c *Client) CreateLaunchTemplate(ctx context.Context, in *ec2.CreateLaunchTemplateInput) (*ec2.CreateLaunchTemplateOutput, error) {
	return call(ctx, c, "CreateLaunchTemplate", c.sdk.CreateLaunchTemplate, in)
}

// DescribeInstances is the API's action.
func (c *Client) DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	return call(ctx, c, "DescribeInstances", c.sdk.DescribeInstances, in)
}

// TerminateInstances is the API's action.
func (c *Client) TerminateInstances(ctx context.Context, in *ec2.TerminateInstancesInput) (*ec2.TerminateInstancesOutput, error) {
	return call(ctx, c, "TerminateInstances", c.sdk.TerminateInstances, in)
}

// StartInstances is the API's action.
func (c *Client) StartInstances(ctx context.Context, in *ec2.StartInstancesInput) (*ec2.StartInstancesOutput, error) {
	return call(ctx, c, "StartInstances", c.sdk.StartInstances, in)
}

// GetConsoleOutput is the API's action.
func (c *Client) GetConsoleOutput(ctx context.Context, in *ec2.GetConsoleOutputInput) (*ec2.GetConsoleOutputOutput, error) {
	return call(ctx, c, "GetConsoleOutput", c.sdk.GetConsoleOutput, in)
}

// DescribeSubnets is the API's action.
func (c *Client) DescribeSubnets(ctx context.Context, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	return call(ctx, c, "DescribeSubnets", c.sdk.DescribeSubnets, in)
}

// DescribeImages is the API's action.
func (c *Client) DescribeImages(ctx context.Context, in *ec2.DescribeImagesInput) (*ec2.DescribeImagesOutput, error) {
	return call(ctx, c, "DescribeImages", c.sdk.DescribeImages, in)
}

// DescribeInstanceTypes is the API's action.
func (c *Client) DescribeInstanceTypes(ctx context.Context, in *ec2.DescribeInstanceTypesInput) (*ec2.DescribeInstanceTypesOutput, error) {
	return call(ctx, c, "DescribeInstanceTypes", c.sdk.DescribeInstanceTypes, in)
}

// DescribeInstanceTypeOfferings is the API's action.
func (c *Client) DescribeInstanceTypeOfferings(
	ctx context.Context, in *ec2.DescribeInstanceTypeOfferingsInput,
) (*ec2.DescribeInstanceTypeOfferingsOutput, error) {
	return call(ctx, c, "DescribeInstanceTypeOfferings", c.sdk.DescribeInstanceTypeOfferings, in)
}

// DescribeSpotPriceHistory is the API's action.
func (c *Client) DescribeSpotPriceHistory(
	ctx context.Context, in *ec2.DescribeSpotPriceHistoryInput,
) (*ec2.DescribeSpotPriceHistoryOutput, error) {
	return call(ctx, c, "DescribeSpotPriceHistory", c.sdk.DescribeSpotPriceHistory, in)
}

// DescribeSecurityGroups is the API's action.
func (c *Client) DescribeSecurityGroups(ctx context.Context, in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
	return call(ctx, c, "DescribeSecurityGroups", c.sdk.DescribeSecurityGroups, in)
}
