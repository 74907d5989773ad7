package sim

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// candidate is a pool that a fleet may use.
type candidate struct {
	*pool
	override Override
	index    int // of the override
	price    float64
	room     int
}

// allocate decides how many instances each pool gives. It creates nothing.
func (c *Cloud) allocate(r FleetRequest, at moment) (placed []*pool, errs []FleetError) {
	candidates, errs := c.candidates(r, at, c.faults.EmptyPools)
	order(candidates, r.Strategy, r.Count)
	left := r.Count
	if r.Strategy == Diversified && len(candidates) > 0 {
		share := (r.Count + len(candidates) - 1) / len(candidates)
		for i := range candidates {
			left -= candidates[i].take(min(share, left), &placed)
		}
	}
	for i := range candidates {
		k := &candidates[i]
		if left == 0 {
			break
		}
		got := k.take(left, &placed)
		if left -= got; left > 0 {
			code := k.shortage()
			errs = append(errs, FleetError{k.override, r.Market, code, shortageText(code, k.Pool)})
		}
	}
	return c.losePlaces(r, placed, errs, at)
}

// candidates are the pools that exist; for the others there are errors. The share empty of them is found without room.
func (c *Cloud) candidates(r FleetRequest, at moment, empty float64) (found []candidate, errs []FleetError) {
	for i, o := range r.Overrides {
		p := c.pool(at.region, Pool{r.Region, o.Zone, o.Type, r.Market})
		arch := cmp.Or(o.Arch, r.Arch)
		switch {
		case o.Code != "":
			errs = append(errs, FleetError{o, r.Market, o.Code, o.Message})
		case !at.region.offers(o.Type, o.Zone):
			errs = append(errs, FleetError{o, r.Market, CodeInvalidOverride, fmt.Sprintf(
				"Your requested instance type (%s) is not supported in your requested Availability Zone (%s).", o.Type, o.Zone)})
		case p.spec.Arch != arch:
			errs = append(errs, FleetError{o, r.Market, CodeInvalidParameter, fmt.Sprintf(
				"The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI.", p.spec.Arch, arch)})
		default:
			k := candidate{pool: p, override: o, index: i, price: c.price(p, r.OS, at.now), room: c.room(p, at.now)}
			if at.dice.chance(empty, "empty pool", i) {
				k.room = 0
				c.tally.EmptyPools++
			}
			found = append(found, k)
		}
	}
	return found, errs
}

// order sorts the candidates into the order in which the strategy uses them.
func order(candidates []candidate, s Strategy, count int) {
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		switch s {
		case Prioritized, CapacityPrioritized:
			return cmp.Or(cmp.Compare(a.override.Priority, b.override.Priority), cmp.Compare(a.index, b.index))
		case CapacityOptimized:
			return cmp.Or(cmp.Compare(b.room, a.room), cmp.Compare(a.index, b.index))
		case PriceCapacityOptimized: // among the pools with room for all the cheapest, then those with the most room
			enoughA, enoughB := a.room >= count, b.room >= count
			switch {
			case enoughA && enoughB:
				return cmp.Or(cmp.Compare(a.price, b.price), cmp.Compare(a.index, b.index))
			case enoughA:
				return -1
			case enoughB:
				return 1
			default:
				return cmp.Or(cmp.Compare(b.room, a.room), cmp.Compare(a.price, b.price), cmp.Compare(a.index, b.index))
			}
		default:
			return cmp.Or(cmp.Compare(a.price, b.price), cmp.Compare(a.index, b.index))
		}
	})
}

// take takes up to n places, as the pool and the account's quota allow. It reserves nothing: vCPUs of the same launch are
// counted by the number of times that a pool of their class is in placed.
func (k *candidate) take(n int, placed *[]*pool) int {
	used := 0
	for _, p := range *placed {
		if p.quota() == k.quota() {
			used += p.spec.VCPU
		}
	}
	n = max(0, min(n, k.room, k.quotaLeft(used)))
	for range n {
		*placed = append(*placed, k.pool)
	}
	k.room -= n
	return n
}

// shortage says why a candidate gave less than it was asked for.
func (k *candidate) shortage() string {
	switch {
	case k.room == 0:
		return CodeNoCapacity
	case k.Market == fleet.Spot:
		return CodeSpotLimit
	default:
		return CodeVCPULimit
	}
}

func shortageText(code string, p Pool) string {
	switch code {
	case CodeSpotLimit:
		return "Max spot instance count exceeded"
	case CodeVCPULimit:
		return "You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that the specified instance type belongs to."
	default:
		return fmt.Sprintf("We currently do not have sufficient %s capacity in the Availability Zone you requested (%s).", p.Type, p.Zone)
	}
}

// losePlaces lets single places fail, so that instances and errors come in one answer.
func (c *Cloud) losePlaces(r FleetRequest, placed []*pool, errs []FleetError, at moment) (kept []*pool, all []FleetError) {
	failed := map[*pool]bool{}
	for i, p := range placed {
		if !at.dice.chance(c.faults.FailedPlaces, "failed place", i) {
			kept = append(kept, p)
			continue
		}
		c.tally.FailedPlaces++
		if !failed[p] {
			failed[p] = true
			errs = append(errs, FleetError{Override{Type: p.Type, Zone: p.Zone}, r.Market, CodeNoCapacity, shortageText(CodeNoCapacity, p.Pool)})
		}
	}
	return kept, errs
}

// pool returns a pool, which exists from its first use.
func (c *Cloud) pool(in *region, name Pool) *pool {
	p, ok := in.pools[name]
	if !ok {
		spec, _ := c.catalog.Type(name.Type)
		p = &pool{Pool: name, region: in, spec: spec, dice: c.seed.named("pool", int(hash(name.Region, name.Zone, name.Type, string(name.Market))>>1))}
		in.pools[name] = p
		c.pools = append(c.pools, p)
	}
	return p
}

// offers says whether the zone has the type (page "API_DescribeInstanceTypeOfferings").
func (r *region) offers(instanceType, zone string) bool {
	return slices.ContainsFunc(r.Zones, func(z Zone) bool { return z.Name == zone && z.offers(instanceType) })
}
