// Package owned lists the instances of a fleet and ends them. An ID can only come from a listing whose filter has the fleet's id,
// and nothing else can be ended: the compiler keeps the rule that nothing of others is ever touched.
package owned

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// Tags that say whose a resource is. Instances, volumes and interfaces carry them from birth: a tag that is added later is one
// that may be missing (failure mode D3).
const (
	TagPrefix      = "runs-fleet:"
	TagFleet       = TagPrefix + "fleet"
	TagEnvironment = TagPrefix + "environment"
	TagLaunch      = TagPrefix + "launch"
)

// ID is an instance that a listing showed as the fleet's. Only List makes one; the zero value is none.
type ID struct{ id string }

// String is EC2's id.
func (i ID) String() string { return i.id }

// Instance is an instance of the fleet.
type Instance struct {
	provider.Instance

	Owned   ID
	Account string // of its owner
}

// Describer is what a listing needs of EC2.
type Describer interface {
	DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error)
}

// Bounds of a listing: results of a page, and values of a filter (page "API_DescribeInstances").
const (
	perPage   = 1000
	perFilter = 200
)

// List returns the fleet's instances at a site, in every state, those that ended lately included (failure modes J1, J2). With
// ids it returns those of them that are the fleet's: they are asked for by a filter, which finds nothing where the parameter
// would fail the call for one id that does not exist.
func List(ctx context.Context, from Describer, fleetID string, site fleet.Site, ids ...string) ([]Instance, error) {
	if fleetID == "" || site.Environment == "" {
		return nil, errNoFilter
	}
	if len(ids) == 0 {
		return pages(ctx, from, site, filters(fleetID, site))
	}
	var all []Instance
	for some := range slices.Chunk(ids, perFilter) {
		found, err := pages(ctx, from, site, append(filters(fleetID, site), types.Filter{Name: aws.String("instance-id"), Values: some}))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func filters(fleetID string, site fleet.Site) []types.Filter {
	return []types.Filter{
		{Name: aws.String("tag:" + TagFleet), Values: []string{fleetID}},
		{Name: aws.String("tag:" + TagEnvironment), Values: []string{site.Environment}},
	}
}

// pages reads a listing to its end (failure modes C11, C12); half a listing is none.
func pages(ctx context.Context, from Describer, site fleet.Site, by []types.Filter) ([]Instance, error) {
	var all []Instance
	in := &ec2.DescribeInstancesInput{Filters: by, MaxResults: aws.Int32(perPage)}
	for {
		out, err := from.DescribeInstances(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("listing instances: %w", err)
		}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				one := instance(i, site)
				one.Account = aws.ToString(r.OwnerId)
				all = append(all, one)
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}

func instance(i types.Instance, site fleet.Site) Instance {
	id := aws.ToString(i.InstanceId)
	out := provider.Instance{
		ID: id, Site: site, Type: string(i.InstanceType), Market: fleet.OnDemand, Launched: launched(i), Reason: reason(i),
		State: state(i.State),
	}
	if i.InstanceLifecycle == types.InstanceLifecycleTypeSpot {
		out.Market = fleet.Spot
	}
	for _, t := range i.Tags {
		if aws.ToString(t.Key) == TagLaunch {
			out.LaunchID = aws.ToString(t.Value)
		}
	}
	return Instance{Instance: out, Owned: ID{id}}
}

// launched is when the instance was launched. A start makes the launch time anew, whereas the root volume and the first interface
// have been attached since the first launch (page "API_Instance").
func launched(i types.Instance) time.Time {
	at := aws.ToTime(i.LaunchTime)
	for _, since := range attached(i) {
		if !since.IsZero() && since.Before(at) {
			at = since
		}
	}
	return at.UTC()
}

func attached(i types.Instance) []time.Time {
	var times []time.Time
	for _, n := range i.NetworkInterfaces {
		if n.Attachment != nil && aws.ToInt32(n.Attachment.DeviceIndex) == 0 {
			times = append(times, aws.ToTime(n.Attachment.AttachTime))
		}
	}
	for _, d := range i.BlockDeviceMappings {
		if d.Ebs != nil && aws.ToString(d.DeviceName) == aws.ToString(i.RootDeviceName) {
			times = append(times, aws.ToTime(d.Ebs.AttachTime))
		}
	}
	return times
}

// state is EC2's; one that it may invent is taken for a live one, so that nothing is forgotten.
func state(s *types.InstanceState) provider.State {
	if s == nil {
		return provider.Pending
	}
	switch known := provider.State(s.Name); known {
	case provider.Pending, provider.Running, provider.Stopping, provider.Stopped, provider.ShuttingDown, provider.Terminated:
		return known
	default:
		return provider.Running
	}
}

// reason is why the state changed last: the code and what it means (page "API_StateReason").
func reason(i types.Instance) string {
	if i.StateReason != nil && aws.ToString(i.StateReason.Code) != "" {
		code, text := aws.ToString(i.StateReason.Code), aws.ToString(i.StateReason.Message)
		if text == "" || text == code {
			return code
		}
		if len(text) > len(code) && text[:len(code)] == code { // EC2 often begins the message with the code
			return text
		}
		return code + ": " + text
	}
	return aws.ToString(i.StateTransitionReason)
}
