package ec2

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/owned"
)

// Tags beside those that package owned filters by.
const (
	tagPool = owned.TagPrefix + "pool"
	tagName = "Name" // what the console shows
)

// tags are those of everything that a launch makes.
func tags(fleetID, launch string, site fleet.Site, own map[string]string, pool string) map[string]string {
	out := map[string]string{tagName: "runs-fleet " + site.Environment}
	maps.Copy(out, own)
	out[owned.TagFleet], out[owned.TagEnvironment], out[owned.TagLaunch] = fleetID, site.Environment, launch
	if pool != "" {
		out[tagPool] = pool
	}
	return out
}

// tagList is sorted, since a repeat has to be the same byte for byte.
func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}
