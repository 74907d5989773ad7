package awssim

import (
	"context"
	"net/url"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

// request is an action's parameters, read.
type request struct {
	context.Context //nolint:containedctx // it lives as long as the call
	*Server
	in     *region
	action string
	form   url.Values
}

// dry is what every action takes (page "CommonParameters").
type dry struct {
	DryRun bool `form:"DryRun"`
}

func (d dry) isDry() bool { return d.DryRun }

// act makes a handler: the parameters are read, the call is admitted, and then it is done. Actions on instances are admitted
// by the cloud itself, when they are done.
func act[T interface{ isDry() bool }](action string, own bool, do func(r request, p T) (any, error)) handler {
	return func(ctx context.Context, s *Server, in *region, form url.Values) (any, error) {
		var p T
		if err := query.Decode(form, &p); err != nil {
			return nil, err
		}
		if !own {
			if err := s.cloud.Call(ctx, in.name, action, isBounded(form)); err != nil {
				return nil, err
			}
		}
		return do(request{ctx, s, in, action, form}, p)
	}
}

// isBounded says whether a request has a filter or asks for a page.
func isBounded(form url.Values) bool { return form.Has("MaxResults") || form.Has("Filter.1.Name") }

// refuse refuses the request.
func (r request) refuse(code, format string, args ...any) error {
	return refuse(r.action, code, format, args...)
}

// wouldWork is the answer to a dry run that has passed every check.
func (r request) wouldWork() error {
	return r.refuse(sim.CodeDryRun, "Request would have succeeded, but DryRun flag is set.")
}

func (r request) now() time.Time { return r.clock.Now() }

// actions are those that the simulator knows.
func actions() map[string]handler {
	return map[string]handler{
		"CreateLaunchTemplate":           act("CreateLaunchTemplate", false, request.createTemplate),
		"CreateLaunchTemplateVersion":    act("CreateLaunchTemplateVersion", false, request.createVersion),
		"DescribeLaunchTemplates":        act("DescribeLaunchTemplates", false, request.describeTemplates),
		"DescribeLaunchTemplateVersions": act("DescribeLaunchTemplateVersions", false, request.describeVersions),
		"CreateFleet":                    act("CreateFleet", true, request.createFleet),
		"DescribeInstances":              act("DescribeInstances", true, request.describeInstances),
		"TerminateInstances":             act("TerminateInstances", true, request.terminate),
		"StopInstances":                  act("StopInstances", true, request.stop),
		"StartInstances":                 act("StartInstances", true, request.start),
		"DescribeInstanceTypes":          act("DescribeInstanceTypes", false, request.describeTypes),
		"DescribeInstanceTypeOfferings":  act("DescribeInstanceTypeOfferings", false, request.describeOfferings),
		"DescribeSpotPriceHistory":       act("DescribeSpotPriceHistory", false, request.describePrices),
		"GetConsoleOutput":               act("GetConsoleOutput", true, request.consoleOutput),
		"DescribeImages":                 act("DescribeImages", false, request.describeImages),
		"DescribeSubnets":                act("DescribeSubnets", false, request.describeSubnets),
		"DescribeSecurityGroups":         act("DescribeSecurityGroups", false, request.describeGroups),
		"DescribeVolumes":                act("DescribeVolumes", false, request.describeVolumes),
		"DescribeNetworkInterfaces":      act("DescribeNetworkInterfaces", false, request.describeIfaces),
		"DescribeTags":                   act("DescribeTags", false, request.describeTags),
		"CreateTags":                     act("CreateTags", true, request.createTags),
		"DeleteTags":                     act("DeleteTags", true, request.deleteTags),
		"GetSpotPlacementScores":         act("GetSpotPlacementScores", false, request.placementScores),
	}
}
