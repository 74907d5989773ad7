package ec2

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Inventory is what is known of a site: what plans are made of. It is not changed once it is made.
type Inventory struct {
	At     time.Time      `json:"at"` // when EC2 was asked
	Zones  []Zone         `json:"zones"`
	Images []FoundImage   `json:"images"`
	Types  []catalog.Type `json:"types"` // that a zone of Zones offers, with this region's spot prices
	// Unpriced are types that are offered and that the price list does not have. They are not used.
	Unpriced []string `json:"unpriced,omitempty"`

	catalog catalog.Catalog
}

// Zone is an availability zone with the subnet that is used in it.
type Zone struct {
	Name   string `json:"name"`
	Subnet string `json:"subnet"`
	// Public says that machines in the subnet get a public address. The subnet decides: a launch template that did would need
	// a network interface, and then no override could name a subnet.
	Public  bool     `json:"public,omitempty"`
	Offered []string `json:"offered"` // types, by name
}

// FoundImage is an image that exists.
type FoundImage struct {
	Name string     `json:"name,omitempty"`
	OS   fleet.OS   `json:"os"`
	Arch fleet.Arch `json:"arch"`
	ID   string     `json:"id"`
	// Device is the root volume's name, and MinGB the size of its snapshot.
	Device string `json:"device"`
	MinGB  int    `json:"min_gb"`
}

// spotPrice is what an hour costs in one zone.
type spotPrice struct {
	Type, Zone string
	USD        float64
}

// stock is what the API tells, before it is put together.
type stock struct {
	zones  []Zone
	images []FoundImage
	types  []catalog.Type
	spot   []spotPrice
}

// assemble makes an inventory: types that a zone of ours offers, with the lowest spot price of those zones, and the prices on
// demand of the price list, which is of one region: what plans need of it is which type costs more than which.
func assemble(s stock, prices catalog.Catalog, at time.Time) (*Inventory, error) {
	inv := &Inventory{At: at, Zones: s.zones, Images: s.images}
	offered, lowest := map[string]bool{}, map[string]float64{}
	ours := map[string]bool{}
	for i := range inv.Zones {
		z := &inv.Zones[i]
		slices.Sort(z.Offered)
		ours[z.Name] = true
		for _, t := range z.Offered {
			offered[t] = true
		}
	}
	for _, p := range s.spot {
		if was, known := lowest[p.Type]; ours[p.Zone] && p.USD > 0 && (!known || p.USD < was) {
			lowest[p.Type] = p.USD
		}
	}
	for _, t := range s.types {
		if !offered[t.Name] {
			continue
		}
		listed, known := prices.Type(t.Name)
		if !known {
			inv.Unpriced = append(inv.Unpriced, t.Name)
			continue
		}
		t.OnDemand, t.Spot, t.Generation = listed.OnDemand, listed.Spot, listed.Generation
		if usd, sold := lowest[t.Name]; sold {
			t.Spot = usd
		}
		inv.Types = append(inv.Types, t)
	}
	slices.Sort(inv.Unpriced)
	slices.SortFunc(inv.Types, func(a, b catalog.Type) int { return cmp.Compare(a.Name, b.Name) })
	return inv, inv.index()
}

// index prepares what plans look up.
func (i *Inventory) index() error {
	var err error
	i.catalog, err = catalog.New(i.Types)
	if err != nil {
		return fmt.Errorf("making the catalogue of the region: %w", err)
	}
	return nil
}

// Catalog is the region's types with their prices.
func (i *Inventory) Catalog() catalog.Catalog { return i.catalog }

// image finds the image for a spec on an architecture.
func (i *Inventory) image(name string, os fleet.OS, arch fleet.Arch) (FoundImage, bool) {
	for _, image := range i.Images {
		if image.Name == name && image.OS == os && image.Arch == arch {
			return image, true
		}
	}
	return FoundImage{}, false
}

// archs are the architectures for which there is an image.
func (i *Inventory) archs(name string, os fleet.OS) []fleet.Arch {
	var out []fleet.Arch
	for _, image := range i.Images {
		if image.Name == name && image.OS == os {
			out = append(out, image.Arch)
		}
	}
	return out
}

// imageNames are for a message.
func (i *Inventory) imageNames() string {
	var names []string
	for _, image := range i.Images {
		if image.Name != "" {
			names = append(names, image.Name)
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (i *Inventory) encode() ([]byte, error) {
	b, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("encoding the inventory: %w", err)
	}
	return b, nil
}

func decodeInventory(b []byte) (*Inventory, error) {
	i := &Inventory{}
	if err := json.Unmarshal(b, i); err != nil {
		return nil, fmt.Errorf("decoding a kept inventory: %w", err)
	}
	return i, i.index()
}
