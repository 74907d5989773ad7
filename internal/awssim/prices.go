package awssim

import (
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/awssim/query"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider/sim"
)

type describePrices struct {
	dry
	filtered
	paged
	Zone     string     `form:"AvailabilityZone"`
	ZoneID   string     `form:"AvailabilityZoneId"`
	Start    *time.Time `form:"StartTime"`
	End      *time.Time `form:"EndTime"`
	Types    []string   `form:"InstanceType"`
	Products []string   `form:"ProductDescription"`
}

type pricesAnswer struct {
	Prices []priceItem `xml:"spotPriceHistorySet>item"`
	Next   string      `xml:"nextToken,omitempty"`
}

type priceItem struct {
	Type    string `xml:"instanceType"`
	Product string `xml:"productDescription"`
	Price   string `xml:"spotPrice"`
	At      string `xml:"timestamp"`
	Zone    string `xml:"availabilityZone"`
	ZoneID  string `xml:"availabilityZoneId"`
	order   string
}

// history is how far back prices are known (page "API_DescribeSpotPriceHistory").
const history = 90 * 24 * time.Hour

func priceFields() fields[priceItem] {
	return fields[priceItem]{of: map[string]func(priceItem) []string{
		"availability-zone":   one(func(p priceItem) string { return p.Zone }),
		"instance-type":       one(func(p priceItem) string { return p.Type }),
		"product-description": one(func(p priceItem) string { return p.Product }),
		"spot-price":          one(func(p priceItem) string { return p.Price }),
		"timestamp":           one(func(p priceItem) string { return p.At }),
	}}
}

// describePrices is the action DescribeSpotPriceHistory. Without a start it tells the prices of now (page
// "API_DescribeSpotPriceHistory").
func (r request) describePrices(p describePrices) (any, error) {
	fields := priceFields()
	if err := fields.check(r, p.Filters); err != nil {
		return nil, err
	}
	if p.Zone != "" && p.ZoneID != "" {
		return nil, r.refuse(codeCombination, "Either AvailabilityZone or AvailabilityZoneId is given, not both.")
	}
	from, to := r.now(), r.now()
	if p.Start != nil {
		from = *p.Start
	}
	if p.End != nil {
		to = *p.End
	}
	if from.Before(r.now().Add(-history)) {
		from = r.now().Add(-history)
	}
	if p.DryRun {
		return nil, r.wouldWork()
	}
	var all []priceItem
	for _, o := range r.cloud.Offerings(r.in.name) {
		if !p.concerns(o, zoneID(r.in.name, o.Zone)) {
			continue
		}
		for _, os := range []fleet.OS{fleet.Linux, fleet.Windows} {
			for _, item := range r.prices(o, os, from, to) {
				if (len(p.Products) == 0 || has(p.Products, item.Product)) && fields.matches(item, p.Filters) {
					all = append(all, item)
				}
			}
		}
	}
	items, next, err := page(r, pages{1, 1000, 1000}, p.paged, all, func(i priceItem) string { return i.order })
	if err != nil {
		return nil, err
	}
	return pricesAnswer{items, next}, nil
}

// concerns says whether the request wants the prices of a type in a zone.
func (p describePrices) concerns(o sim.Offering, zoneID string) bool {
	return (len(p.Types) == 0 || has(p.Types, o.Type)) && (p.Zone == "" || p.Zone == o.Zone) && (p.ZoneID == "" || p.ZoneID == zoneID)
}

// prices is the history of one pool. EC2 tells the newest first.
func (r request) prices(o sim.Offering, os fleet.OS, from, to time.Time) []priceItem {
	product := "Linux/UNIX"
	if os == fleet.Windows {
		product = "Windows"
	}
	var items []priceItem
	pool := sim.Pool{Region: r.in.name, Zone: o.Zone, Type: o.Type}
	for _, point := range r.cloud.SpotPrices(pool, os, from, to) {
		const end = 1 << 40 // seconds: later than any price
		items = append(items, priceItem{
			Type: o.Type, Product: product, Price: fmt.Sprintf("%.6f", point.USD), At: query.Stamp(point.Since), Zone: o.Zone,
			ZoneID: zoneID(r.in.name, o.Zone),
			order:  fmt.Sprintf("%013d %s %s %s", end-point.Since.Unix(), o.Type, o.Zone, product),
		})
	}
	return items
}
