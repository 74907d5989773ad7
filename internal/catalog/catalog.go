// Package catalog knows instance types, their sizes and prices, and decides which of them satisfy a spec, in which order
// they would be tried, and why each other type was left out. It is pure: the types are embedded, and a provider that knows
// better makes a catalogue of its own with New.
package catalog

import (
	_ "embed" // for the table of types
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Type is an instance type. Prices are in US dollars an hour, Linux.
type Type struct {
	Name       string     `json:"name"`
	Generation int        `json:"generation"`
	VCPU       int        `json:"vcpu"`
	MemoryGiB  float64    `json:"memory_gib"`
	Arch       fleet.Arch `json:"arch"`
	Burstable  bool       `json:"burstable,omitempty"`
	Metal      bool       `json:"metal,omitempty"`
	GPU        bool       `json:"gpu,omitempty"`
	LocalDisk  bool       `json:"local_disk,omitempty"`
	OnDemand   float64    `json:"on_demand"`
	Spot       float64    `json:"spot"`
}

// Family is the part of the name before the dot: c7g.
func (t Type) Family() string {
	family, _, _ := strings.Cut(t.Name, ".")
	return family
}

// windowsPerVCPU is what AWS adds for each vCPU of a Windows machine, in US dollars an hour, on demand and spot alike
// (AWS price list, 19 January 2026). Burstable types cost less extra, so theirs is an upper bound.
const windowsPerVCPU = 0.046

// Price is what an hour costs in the market under the operating system. AnyMarket is priced as spot.
func (t Type) Price(market fleet.Market, os fleet.OS) float64 {
	price := t.Spot
	if market == fleet.OnDemand {
		price = t.OnDemand
	}
	if os == fleet.Windows {
		price += windowsPerVCPU * float64(t.VCPU)
	}
	return price
}

// Catalog is a set of instance types. It is not changed after New and may be used concurrently.
type Catalog struct {
	types []Type // by name
}

// New makes a catalogue of types, each name at most once.
func New(types []Type) (Catalog, error) {
	sorted := slices.Clone(types)
	slices.SortFunc(sorted, func(a, b Type) int { return strings.Compare(a.Name, b.Name) })
	for i, t := range sorted {
		if i > 0 && sorted[i-1].Name == t.Name {
			return Catalog{}, fmt.Errorf("instance type %s is listed twice", t.Name)
		}
		if t.VCPU < 1 || t.MemoryGiB <= 0 || t.OnDemand <= 0 || t.Spot <= 0 || !strings.Contains(t.Name, ".") {
			return Catalog{}, fmt.Errorf("instance type %q has no size, memory or price", t.Name)
		}
	}
	return Catalog{sorted}, nil
}

// Types returns all types in order of their names.
func (c Catalog) Types() []Type { return slices.Clone(c.types) }

// Type returns the type of that name.
func (c Catalog) Type(name string) (Type, bool) {
	i, ok := slices.BinarySearchFunc(c.types, name, func(t Type, n string) int { return strings.Compare(t.Name, n) })
	if !ok {
		return Type{}, false
	}
	return c.types[i], true
}

//go:embed types.csv
var embedded string

// Embedded is the catalogue of the common types with list prices of us-east-1. Where its figures come from and of which
// day they are stands at the head of types.csv.
func Embedded() (Catalog, error) {
	r := csv.NewReader(strings.NewReader(embedded))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		return Catalog{}, fmt.Errorf("reading the embedded instance types: %w", err)
	}
	types := make([]Type, 0, len(rows))
	for _, row := range rows[1:] { // the first names the columns
		t, err := parseRow(row)
		if err != nil {
			return Catalog{}, fmt.Errorf("embedded instance type %s: %w", row[0], err)
		}
		types = append(types, t)
	}
	return New(types)
}

// parseRow reads type, generation, vcpu, memory_gib, arch, flags, on_demand, spot; the reader has checked their number.
func parseRow(row []string) (Type, error) {
	t := Type{Name: row[0], Arch: fleet.Arch(row[4])}
	var err error
	if t.Generation, err = strconv.Atoi(row[1]); err != nil {
		return Type{}, fmt.Errorf("generation: %w", err)
	}
	if t.VCPU, err = strconv.Atoi(row[2]); err != nil {
		return Type{}, fmt.Errorf("vcpu: %w", err)
	}
	for field, text := range map[*float64]string{&t.MemoryGiB: row[3], &t.OnDemand: row[6], &t.Spot: row[7]} {
		if *field, err = strconv.ParseFloat(text, 64); err != nil {
			return Type{}, fmt.Errorf("memory or price: %w", err)
		}
	}
	if t.Arch != fleet.AMD64 && t.Arch != fleet.ARM64 {
		return Type{}, fmt.Errorf("unknown architecture %q", t.Arch)
	}
	for flag := range strings.FieldsSeq(row[5]) {
		switch flag {
		case "burstable":
			t.Burstable = true
		case "metal":
			t.Metal = true
		case "gpu":
			t.GPU = true
		case "disk":
			t.LocalDisk = true
		default:
			return Type{}, fmt.Errorf("unknown flag %q", flag)
		}
	}
	return t, nil
}
