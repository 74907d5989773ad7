package ec2

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

var testSite = fleet.Site{Environment: "default", Region: "us-east-1"}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func prices(t fataler) catalog.Catalog {
	t.Helper()
	c, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testInventory has as many zones as lacks has entries; each names the families that its zone does not offer.
func testInventory(t fataler, lacks ...[]string) *Inventory {
	t.Helper()
	list := prices(t)
	s := stock{types: list.Types(), images: []FoundImage{
		{OS: fleet.Linux, Arch: fleet.AMD64, ID: "ami-00000000000000001", Device: "/dev/sda1", MinGB: 8},
		{OS: fleet.Linux, Arch: fleet.ARM64, ID: "ami-00000000000000002", Device: "/dev/sda1", MinGB: 8},
		{Name: "full", OS: fleet.Linux, Arch: fleet.ARM64, ID: "ami-00000000000000003", Device: "/dev/xvda", MinGB: 75},
	}}
	for i, missing := range lacks {
		z := Zone{Name: fmt.Sprintf("us-east-1%c", 'a'+i), Subnet: fmt.Sprintf("subnet-%017d", i), Public: i%2 == 1}
		for _, ty := range list.Types() {
			if !slices.Contains(missing, ty.Family()) {
				z.Offered = append(z.Offered, ty.Name)
			}
		}
		s.zones = append(s.zones, z)
	}
	inv, err := assemble(s, list, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func testRequest(change ...func(*provider.Request)) provider.Request {
	r := provider.Request{
		LaunchID: "l-0001", Site: testSite, Market: fleet.Spot, Count: 3,
		Spec: fleet.Spec{CPU: fleet.Range{Min: 4, Max: 8}, Archs: []fleet.Arch{fleet.AMD64}, OS: fleet.Linux},
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func planned(t fataler, r provider.Request, inv *Inventory) frozen {
	t.Helper()
	f, err := plan(r, Site{Site: testSite}, "f1", inv)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func asked(f frozen) map[string][]string {
	out := map[string][]string{}
	for _, p := range f.Pools {
		out[p.Subnet] = p.Types
	}
	return out
}

func TestTypesAreSpreadEvenlyOverTheZones(t *testing.T) { // failure modes D6, D9, L15
	inv := testInventory(t, nil, nil, []string{"c8i", "m7i"})
	f := planned(t, testRequest(), inv)
	got := asked(f)
	if len(got) != 3 {
		t.Fatalf("%d zones are asked, want 3: %v", len(got), got)
	}
	for subnet, names := range got {
		if len(names) != maxOverrides/3 {
			t.Errorf("%s is asked for %d types, want %d", subnet, len(names), maxOverrides/3)
		}
	}
	for _, name := range got["subnet-00000000000000002"] {
		if strings.HasPrefix(name, "c8i.") || strings.HasPrefix(name, "m7i.") {
			t.Errorf("the third zone is asked for %s, which it does not offer", name)
		}
	}
}

func TestPlansFollowTheSpec(t *testing.T) { // failure mode D7
	inv := testInventory(t, nil, nil)
	tests := map[string]struct {
		change func(*provider.Request)
		want   func(frozen) string // what is wrong
	}{
		"one architecture, though two would do": {
			func(r *provider.Request) { r.Spec.Archs = []fleet.Arch{fleet.AMD64, fleet.ARM64} },
			func(f frozen) string {
				c := inv.Catalog()
				first, _ := c.Type(f.Pools[0].Types[0])
				for _, p := range f.Pools {
					for _, name := range p.Types {
						if ty, _ := c.Type(name); ty.Arch != first.Arch {
							return name + " is of another architecture than " + first.Name
						}
					}
				}
				if image, _ := inv.image("", fleet.Linux, first.Arch); image.ID != f.Image {
					return "the image is " + f.Image
				}
				return ""
			},
		},
		"a named image that exists for one architecture only": {
			func(r *provider.Request) { r.Spec.Archs, r.Spec.Image = nil, "full" },
			func(f frozen) string {
				if f.Image != "ami-00000000000000003" || f.Device != "/dev/xvda" || f.Disk.GB != 75 {
					return fmt.Sprintf("%+v", f)
				}
				return ""
			},
		},
		"private subnets only": {
			func(r *provider.Request) { r.Spec.Private = true },
			func(f frozen) string {
				if len(f.Pools) != 1 || f.Pools[0].Subnet != "subnet-00000000000000000" {
					return fmt.Sprintf("subnets %+v", f.Pools)
				}
				return ""
			},
		},
		"an encrypted disk of the size that the label names": {
			func(r *provider.Request) {
				r.Spec.Disk = fleet.Disk{SizeGB: 80, Type: "gp3", ThroughputMBps: 500, IOPS: 4000}
			},
			func(f frozen) string {
				return cmp.Diff(disk{GB: 80, Type: "gp3", Throughput: 500, IOPS: 4000}, f.Disk)
			},
		},
		"one exact type": {
			func(r *provider.Request) { r.Spec.InstanceType = "c7i.xlarge" },
			func(f frozen) string {
				if len(f.Pools) != 2 || len(f.Pools[0].Types) != 1 {
					return fmt.Sprintf("pools %+v", f.Pools)
				}
				return ""
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if wrong := tt.want(planned(t, testRequest(tt.change), inv)); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

func TestImpossibleLaunchesAreInvalid(t *testing.T) {
	tests := map[string]struct {
		change func(*provider.Request)
		want   string
	}{
		"no machine":                 {func(r *provider.Request) { r.Count = 0 }, "0 machines"},
		"too many":                   {func(r *provider.Request) { r.Count = 91 }, "91 machines"},
		"no market":                  {func(r *provider.Request) { r.Market = fleet.AnyMarket }, "either spot or on-demand"},
		"a token with a space":       {func(r *provider.Request) { r.LaunchID = "l 1" }, "ASCII"},
		"an image that is not there": {func(r *provider.Request) { r.Spec.Image = "huge" }, `no image "huge" for linux; there are: full`},
		"Windows":                    {func(r *provider.Request) { r.Spec.OS = fleet.Windows }, "no image for windows"},
		"a family that is not there": {func(r *provider.Request) { r.Spec.Families = []string{"x9"} }, "no instance type satisfies"},
		"a disk that is too small":   {func(r *provider.Request) { r.Spec.Disk.SizeGB = 4 }, "smaller than the image"},
		"a magnetic disk":            {func(r *provider.Request) { r.Spec.Disk.Type = "st1" }, `not "st1"`},
		"throughput of io2":          {func(r *provider.Request) { r.Spec.Disk = fleet.Disk{Type: "io2", IOPS: 3000, ThroughputMBps: 5} }, "gp3 only"},
		"io2 without iops":           {func(r *provider.Request) { r.Spec.Disk.Type = "io2" }, "needs a number of iops"},
		"iops of gp2":                {func(r *provider.Request) { r.Spec.Disk = fleet.Disk{Type: "gp2", IOPS: 1} }, "cannot be chosen"},
	}
	inv := testInventory(t, nil)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := plan(testRequest(tt.change), Site{Site: testSite}, "f1", inv)
			if !errors.Is(err, provider.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("plan = %v, want an invalid request that says %q", err, tt.want)
			}
		})
	}
}

func TestAPoolsMachineStopsWhenItShutsDown(t *testing.T) { // rule 7.2; failure mode E6
	for _, tt := range []struct {
		pool   string // whose machine it is
		label  string // the pool that the job's label names
		market fleet.Market
		want   string
	}{
		{"", "", fleet.OnDemand, terminateOnShutdown},
		{"warm", "", fleet.OnDemand, stopOnShutdown},
		{"warm", "", fleet.Spot, terminateOnShutdown},
		{"", "warm", fleet.OnDemand, terminateOnShutdown},
	} {
		r := testRequest(func(r *provider.Request) { r.Pool, r.Spec.Pool, r.Market = tt.pool, tt.label, tt.market })
		if got := planned(t, r, testInventory(t, nil)).Template; got != templateFor(Site{Site: testSite}, "f1", tt.want).name {
			t.Errorf("%+v has the template %s", tt, got)
		}
	}
}

func drawInventory(t *rapid.T) *Inventory {
	families := []string{"c6a", "c6i", "c7a", "c7i", "m6a", "m6i", "m7i", "r6i", "c8i", "m8i"}
	var lacks [][]string
	for range rapid.IntRange(1, 6).Draw(t, "zones") {
		lacks = append(lacks, rapid.SliceOfNDistinct(rapid.SampledFrom(families), 0, 6, rapid.ID).Draw(t, "lacks"))
	}
	return testInventory(t, lacks...)
}

func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inv := drawInventory(t)
		cpu := rapid.SampledFrom([]int{1, 2, 4, 16, 64}).Draw(t, "cpu")
		r := testRequest(func(r *provider.Request) {
			r.Spec.CPU = fleet.Range{Min: cpu, Max: 2 * cpu}
			r.Market = rapid.SampledFrom([]fleet.Market{fleet.Spot, fleet.OnDemand}).Draw(t, "market")
		})
		f := planned(t, r, inv)
		if diff := cmp.Diff(f, planned(t, r, inv)); diff != "" {
			t.Fatalf("two plans of one request:\n%s", diff)
		}
		spec := r.Spec
		spec.Market = r.Market
		match, err := inv.catalog.Match(spec)
		if err != nil {
			t.Fatal(err)
		}
		checkSpread(t, f, inv, match)
	})
}

// checkSpread: at most sixty overrides, no pool twice, nothing that a zone lacks, every zone that offers a candidate, and no zone
// with two more than another that still has some to offer.
func checkSpread(t *rapid.T, f frozen, inv *Inventory, match catalog.Result) {
	total, per := 0, asked(f)
	if len(per) != len(f.Pools) {
		t.Fatalf("a subnet is named twice: %+v", f.Pools)
	}
	for _, names := range per {
		total += len(names)
	}
	if total == 0 || total > maxOverrides {
		t.Fatalf("%d overrides", total)
	}
	most := 0
	for _, names := range per {
		most = max(most, len(names))
	}
	for _, z := range inv.Zones {
		names := per[z.Subnet]
		offered := 0
		for _, c := range match.Candidates {
			if slices.Contains(z.Offered, c.Name) {
				offered++
			}
		}
		sorted := slices.Clone(names)
		slices.Sort(sorted)
		if len(slices.Compact(sorted)) != len(names) {
			t.Fatalf("a type is asked for twice in %s: %v", z.Name, names)
		}
		for _, n := range names {
			if !slices.Contains(z.Offered, n) {
				t.Fatalf("%s does not offer %s", z.Name, n)
			}
		}
		if len(names) < min(offered, most-1) {
			t.Fatalf("%s is asked for %d types, another zone for %d, and it offers %d", z.Name, len(names), most, offered)
		}
	}
}
