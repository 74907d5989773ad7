package awssim

import (
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

type placementScores struct {
	dry
	paged
	Types        []string   `form:"InstanceType"`
	Regions      []string   `form:"RegionName"`
	Requirements *query.Raw `form:"InstanceRequirementsWithMetadata"`
	SingleZone   bool       `form:"SingleAvailabilityZone"`
	Capacity     *int       `form:"TargetCapacity"`
	Unit         string     `form:"TargetCapacityUnitType"`
}

type scoresAnswer struct {
	Scores []scoreItem `xml:"spotPlacementScoreSet>item"`
	Next   string      `xml:"nextToken,omitempty"`
}

type scoreItem struct {
	Region string `xml:"region"`
	ZoneID string `xml:"availabilityZoneId,omitempty"`
	Score  int    `xml:"score"`
}

// Scores go up to 10. A request of fewer than three types gets a low one, whatever there is (page "spot-placement-score").
const (
	best     = 10
	lowScore = 3
	severals = 3
	maxAsked = 2_000_000_000
)

// placementScores is the action GetSpotPlacementScores (page "API_GetSpotPlacementScores"). The score is the share of the
// capacity that there is room for; AWS does not say how it computes its own.
func (r request) placementScores(p placementScores) (any, error) {
	switch {
	case p.Capacity == nil:
		return nil, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter TargetCapacity")
	case *p.Capacity < 1 || *p.Capacity > maxAsked:
		return nil, r.refuse(sim.CodeInvalidParameter, "the target capacity is %d; it must be 1 to %d", *p.Capacity, maxAsked)
	case p.Requirements != nil || p.Unit != "" && p.Unit != "units":
		return nil, r.refuse(codeNotSimulated, "the simulator does not know InstanceRequirements and capacities in vcpu or memory-mib")
	case len(p.Types) == 0:
		return nil, r.refuse(sim.CodeMissingParameter, "The request must contain the parameter InstanceTypes")
	}
	for _, t := range p.Types {
		if _, ok := r.cloud.Catalog().Type(t); !ok {
			return nil, r.refuse(codeInstanceType, "The following supplied instance types do not exist: [%s]", t)
		}
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	var all []scoreItem
	for _, name := range sortedNames(r.regions) {
		if len(p.Regions) > 0 && !has(p.Regions, name) {
			continue
		}
		in := r.regions[name]
		if !p.SingleZone {
			all = append(all, scoreItem{Region: name, Score: r.score(p, in, in.network.subnets)})
			continue
		}
		for _, s := range in.network.subnets {
			all = append(all, scoreItem{name, s.zoneID, r.score(p, in, []subnet{s})})
		}
	}
	items, next, err := page(r, pages{10, 1000, 0}, p.paged, all, func(s scoreItem) string { return s.Region + " " + s.ZoneID })
	if err != nil {
		return nil, err
	}
	return scoresAnswer{items, next}, nil
}

func (r request) score(p placementScores, in *region, zones []subnet) int {
	ask := sim.FleetRequest{Region: in.name, Market: fleet.Spot, Count: 1, OS: fleet.Linux}
	for _, kind := range p.Types {
		known, _ := r.cloud.Catalog().Type(kind)
		for _, z := range zones {
			ask.Overrides = append(ask.Overrides, sim.Override{Type: kind, Zone: z.zone, Arch: known.Arch})
		}
	}
	score := min(best, max(1, best*r.cloud.Room(ask)/(*p.Capacity)))
	if len(p.Types) < severals {
		score = min(score, lowScore)
	}
	return score
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
