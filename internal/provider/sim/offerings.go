package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Offering is a type in a zone.
type Offering struct {
	Type string
	Zone string
}

func (z Zone) offers(instanceType string) bool {
	family, _, _ := strings.Cut(instanceType, ".")
	return !slices.Contains(z.Lacks, family) && !slices.Contains(z.Lacks, instanceType)
}

// Catalog is the types that the cloud knows.
func (c *Cloud) Catalog() catalog.Catalog { return c.catalog }

// Offerings lists which types each zone of a region offers, by type, then zone. It is nothing for an unknown region. It
// never changes while the cloud exists.
func (c *Cloud) Offerings(region string) []Offering {
	r, ok := c.regions[region]
	if !ok {
		return nil
	}
	var all []Offering
	for _, t := range c.catalog.Types() {
		for _, z := range r.Zones {
			if z.offers(t.Name) {
				all = append(all, Offering{t.Name, z.Name})
			}
		}
	}
	return all
}

// pricePeriod is how long a spot price lasts.
const pricePeriod = 5 * time.Hour

// Price is what an hour in the pool costs at the time, in US dollars. Prices on demand are the catalogue's. Those of spot
// move by a fifth about it, differently in each zone, and never above the price on demand.
func (c *Cloud) Price(p Pool, os fleet.OS, at time.Time) (float64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.regions[p.Region]
	if !ok || !r.offers(p.Type, p.Zone) {
		return 0, false
	}
	if _, ok := c.catalog.Type(p.Type); !ok {
		return 0, false
	}
	return c.price(c.pool(r, p), os, at), true
}

func (c *Cloud) price(p *pool, os fleet.OS, at time.Time) float64 {
	list := p.spec.Price(p.Market, os)
	if p.Market != fleet.Spot {
		return list
	}
	const swing = 0.2
	move := 1 - swing + 2*swing*p.dice.unit("price", int(at.Unix()/int64(pricePeriod.Seconds())))
	return min(p.spec.Price(fleet.OnDemand, os), list*move)
}

// PricePoint is a spot price and since when it has held.
type PricePoint struct {
	Pool  Pool
	Since time.Time
	USD   float64 // an hour
}

// SpotPrices is the history of a pool's price, oldest first, beginning with the price that held at from.
func (c *Cloud) SpotPrices(p Pool, os fleet.OS, from, to time.Time) []PricePoint {
	p.Market = fleet.Spot
	var points []PricePoint
	for t := from.Truncate(pricePeriod); !t.After(to); t = t.Add(pricePeriod) {
		usd, ok := c.Price(p, os, t)
		if !ok {
			return nil
		}
		points = append(points, PricePoint{p, t, usd})
	}
	return points
}
