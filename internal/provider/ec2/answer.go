package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
)

// answer keeps both halves of what a fleet says: what it launched, and why it did not launch the rest. It is pure.
func answer(r provider.Request, out *ec2.CreateFleetOutput) provider.Answer {
	var a provider.Answer
	for _, group := range out.Instances {
		market := fleet.OnDemand
		if group.Lifecycle == types.InstanceLifecycleSpot {
			market = fleet.Spot
		}
		for _, id := range group.InstanceIds {
			a.Instances = append(a.Instances, provider.Instance{
				ID: id, LaunchID: r.LaunchID, Site: r.Site, State: provider.Pending, Type: string(group.InstanceType), Market: market,
			})
		}
	}
	a.Errors = places(out.Errors, r.Count-len(a.Instances))
	return a
}

// places distributes the empty places over the codes of the errors, in the order in which those came: there is an error for
// every pool that was tried and none for a place. A fleet that got all it wanted may have met errors on its way; they are of
// no consequence.
func places(errs []types.CreateFleetError, empty int) []provider.LaunchError {
	if empty <= 0 {
		return nil
	}
	var out []provider.LaunchError
	for _, e := range errs {
		code := aws.ToString(e.ErrorCode)
		if len(out) == empty {
			break
		}
		if code != "" && !slices.ContainsFunc(out, func(o provider.LaunchError) bool { return o.Code == code }) {
			out = append(out, provider.LaunchError{Code: code, Message: aws.ToString(e.ErrorMessage), Count: 1})
		}
	}
	if len(out) == 0 {
		return []provider.LaunchError{{
			Code: api.CodeUnfulfillable, Message: "EC2 launched fewer machines than it was asked for, and gave no reason", Count: empty,
		}}
	}
	out[0].Count += empty - len(out)
	return out
}
