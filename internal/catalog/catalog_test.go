package catalog_test

import (
	"math"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

func embedded(t interface {
	Helper()
	Fatal(args ...any)
},
) catalog.Catalog {
	t.Helper()
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSizesFollowAWSsRules: within a family memory for each vCPU is one ratio, and so is the price, within the rounding
// of the price list. Bare metal has prices of its own in some families, burstable and GPU types in all.
func TestSizesFollowAWSsRules(t *testing.T) {
	c := embedded(t)
	gib := map[byte]float64{'c': 2, 'm': 4, 'r': 8}
	for _, ty := range c.Types() {
		if ty.Burstable || ty.GPU {
			continue
		}
		if want := gib[ty.Name[0]] * float64(ty.VCPU); ty.MemoryGiB != want {
			t.Errorf("%s has %g GiB, want %g", ty.Name, ty.MemoryGiB, want)
		}
		large, ok := c.Type(ty.Family() + ".large")
		if !ok || large.VCPU != 2 {
			t.Errorf("family %s has no size large with 2 vCPU", ty.Family())
			continue
		}
		want := large.OnDemand / 2 * float64(ty.VCPU)
		if off := math.Abs(ty.OnDemand-want) / want; !ty.Metal && off > 0.003 {
			t.Errorf("%s costs %g, want about %g", ty.Name, ty.OnDemand, want)
		}
	}
}

func TestPublishedPrices(t *testing.T) {
	c := embedded(t)
	tests := map[string]float64{ // AWS price list, us-east-1, Linux, 19 January 2026
		"c5.9xlarge": 1.53, "c6g.metal": 2.3066, "c7a.large": 0.10264, "c7g.xlarge": 0.145, "c7gd.4xlarge": 0.7258,
		"c7i.metal-24xl": 4.7124, "c8g.2xlarge": 0.31904, "m5.24xlarge": 4.608, "m6id.large": 0.11865, "m7i.xlarge": 0.2016,
		"m8g.large": 0.08976, "r7a.medium": 0.07608, "r8i.96xlarge": 26.67264, "t3.medium": 0.0416, "t4g.nano": 0.0042,
		"g5.xlarge": 1.006,
	}
	for name, want := range tests {
		ty, ok := c.Type(name)
		if !ok || ty.OnDemand != want {
			t.Errorf("%s costs %g, want %g", name, ty.OnDemand, want)
		}
	}
}

func TestEmbeddedTypes(t *testing.T) {
	c := embedded(t)
	if n := len(c.Types()); n < 300 {
		t.Errorf("only %d types", n)
	}
	for _, ty := range c.Types() {
		if ty.Spot >= ty.OnDemand {
			t.Errorf("%s costs more on the spot market (%g) than on demand (%g)", ty.Name, ty.Spot, ty.OnDemand)
		}
		if ty.Metal != strings.Contains(ty.Name, ".metal") || ty.Burstable != (ty.Name[0] == 't') || ty.GPU != (ty.Name[0] == 'g') {
			t.Errorf("%s has the wrong flags: %+v", ty.Name, ty)
		}
		graviton := strings.Contains(ty.Family()[1:], "g")
		if graviton != (ty.Arch == fleet.ARM64) {
			t.Errorf("%s is said to be %s", ty.Name, ty.Arch)
		}
	}
}

func TestPrice(t *testing.T) {
	ty, _ := embedded(t).Type("m5.large")
	if got := ty.Price(fleet.OnDemand, fleet.Windows); math.Abs(got-0.188) > 1e-9 {
		t.Errorf("m5.large with Windows costs %g on demand, want 0.188", got)
	}
	if ty.Price(fleet.AnyMarket, fleet.Linux) != ty.Spot || ty.Price(fleet.OnDemand, fleet.Linux) != ty.OnDemand {
		t.Error("the market does not decide the price")
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	good := catalog.Type{Name: "c9.large", VCPU: 2, MemoryGiB: 4, OnDemand: 1, Spot: 0.5, Arch: fleet.AMD64}
	for name, types := range map[string][]catalog.Type{
		"a repeated name": {good, good},
		"no size":         {{Name: "c9.large", MemoryGiB: 4, OnDemand: 1, Spot: 0.5}},
		"no price":        {{Name: "c9.large", VCPU: 2, MemoryGiB: 4}},
		"no name":         {{VCPU: 2, MemoryGiB: 4, OnDemand: 1, Spot: 0.5}},
	} {
		if _, err := catalog.New(types); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
