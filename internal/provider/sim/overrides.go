package sim

import (
	"fmt"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// ownOverrides is how many pools a launch of ours names at most; EC2 allows more, but a request should stay readable.
const ownOverrides = 60

// request makes the part of a CreateFleet request that follows from the spec: the cheapest types that satisfy it, each in
// every zone that has it (failure mode D6), of one architecture (failure mode D7).
func (p *Provider) request(site fleet.Site, market fleet.Market, spec fleet.Spec) (FleetRequest, error) {
	region, ok := p.cloud.regions[site.Region]
	if !ok {
		return FleetRequest{}, fmt.Errorf("%w: the cloud has no region %q", provider.ErrInvalid, site.Region)
	}
	if market != fleet.Spot && market != fleet.OnDemand {
		return FleetRequest{}, fmt.Errorf("%w: a launch is either spot or on-demand, not %q", provider.ErrInvalid, market)
	}
	spec.Market = market
	match, err := p.cloud.catalog.Match(spec)
	if err != nil {
		return FleetRequest{}, fmt.Errorf("%w: %w", provider.ErrInvalid, err)
	}
	r := FleetRequest{
		Region: site.Region, Market: market, OS: spec.OS, Arch: match.Candidates[0].Arch, Strategy: LowestPrice,
		OnShutdown: TerminateOnShutdown, Tags: p.tags(site),
	}
	if market == fleet.Spot {
		r.Strategy = PriceCapacityOptimized
	}
	if spec.Pool != "" { // rule 7.2
		r.OnShutdown = StopOnShutdown
	}
	types := max(1, ownOverrides/len(region.Zones))
	for i, t := range match.Candidates[:min(types, len(match.Candidates))] {
		for _, z := range region.Zones {
			if z.offers(t.Name) {
				r.Overrides = append(r.Overrides, Override{Type: t.Name, Zone: z.Name, Priority: float64(i)})
			}
		}
	}
	if len(r.Overrides) == 0 {
		return FleetRequest{}, fmt.Errorf("%w: no zone of %s offers a type that satisfies the spec", provider.ErrInvalid, site.Region)
	}
	return r, nil
}

// Room is how many instances a request could get now, whatever its count: a look behind the scenes, which EC2 does not give.
func (c *Cloud) Room(r FleetRequest) int {
	now := c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	in, ok := c.regions[r.Region]
	if !ok {
		return 0
	}
	found, _ := c.candidates(r, moment{now: c.now, region: in}, 0)
	order(found, r.Strategy, maxFleet)
	room, spokenFor := 0, map[quotaKey]int{}
	for i := range found {
		k := &found[i]
		n := min(k.room, k.quotaLeft(spokenFor[k.quota()]), maxFleet)
		spokenFor[k.quota()] += n * k.spec.VCPU
		room += n
	}
	return room
}

// Regions lists the names of the cloud's regions, in their order.
func (c *Cloud) Regions() []string { return c.regionNames() }

// Zones lists the names of a region's zones.
func (c *Cloud) Zones(region string) []string {
	r, ok := c.regions[region]
	if !ok {
		return nil
	}
	var names []string
	for _, z := range r.Zones {
		names = append(names, z.Name)
	}
	return slices.Clip(names)
}
