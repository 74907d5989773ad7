package catalog_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// spec is Linux on amd64 with cpu..2*cpu, as labels resolve by default.
func spec(cpu int, changes ...func(*fleet.Spec)) fleet.Spec {
	s := fleet.Spec{CPU: fleet.Range{Min: cpu, Max: 2 * cpu}, OS: fleet.Linux, Archs: []fleet.Arch{fleet.AMD64}}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func families(patterns ...string) func(*fleet.Spec) {
	return func(s *fleet.Spec) { s.Families = patterns }
}

func archs(a ...fleet.Arch) func(*fleet.Spec) {
	return func(s *fleet.Spec) { s.Archs = a }
}

func onDemand(s *fleet.Spec) { s.Market = fleet.OnDemand }

func anySize(s *fleet.Spec) { s.CPU = fleet.Range{} }

func names(r catalog.Result) []string {
	var all []string
	for _, c := range r.Candidates {
		all = append(all, c.Name)
	}
	return all
}

func match(t *testing.T, s fleet.Spec) catalog.Result {
	t.Helper()
	res, err := embedded(t).Match(s)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestCandidates(t *testing.T) {
	tests := map[string]struct {
		spec fleet.Spec
		want []string
	}{
		"an exact type": {spec(2, anySize, families("c7g.large"), archs(fleet.ARM64)), []string{"c7g.large"}},
		"a type that a runner names": {
			spec(2, anySize, archs(fleet.ARM64), func(s *fleet.Spec) { s.InstanceType = "c7g.xlarge" }),
			[]string{"c7g.xlarge"},
		},
		"a wildcard is one family": {spec(4, families("m7i.*"), onDemand), []string{"m7i.xlarge", "m7i.2xlarge"}},
		"a prefix is every family that begins so": {
			spec(4, families("c7"), archs(fleet.ARM64), onDemand),
			[]string{"c7g.xlarge", "c7gd.xlarge", "c7g.2xlarge", "c7gd.2xlarge"},
		},
		"burstable types when their family is named": {
			spec(2, families("t4g"), archs(fleet.ARM64), func(s *fleet.Spec) { s.RAM.Min = 4 }, onDemand),
			[]string{"t4g.medium", "t4g.large", "t4g.xlarge"},
		},
		"bare metal when its size is named": {
			spec(64, families("c7g.metal*"), archs(fleet.ARM64), onDemand), []string{"c7g.metal"},
		},
		"no bare metal when all sizes are named": {
			spec(64, families("c7g.*"), archs(fleet.ARM64), onDemand), []string{"c7g.16xlarge"},
		},
		"graphics when their family is named": {spec(4, families("g5"), onDemand), []string{"g5.xlarge", "g5.2xlarge"}},
		"memory narrows": {
			spec(4, onDemand, func(s *fleet.Spec) { s.RAM = fleet.Range{Min: 32, Max: 32}; s.Generation = 7 }),
			[]string{"r7i.xlarge", "r7a.xlarge", "m7i.2xlarge", "m7a.2xlarge"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, names(match(t, tt.spec))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// failure mode D10
func TestFourCPUNeverGiveSixtyFour(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cpu := rapid.IntRange(1, 96).Draw(rt, "cpu")
		arch := rapid.SampledFrom([]fleet.Arch{fleet.AMD64, fleet.ARM64}).Draw(rt, "arch")
		res, err := embedded(rt).Match(spec(cpu, archs(arch)))
		if err != nil {
			rt.Fatal(err)
		}
		for _, c := range res.Candidates {
			if c.VCPU < cpu || c.VCPU > 2*cpu {
				rt.Fatalf("cpu=%d may launch %s with %d vCPU", cpu, c.Name, c.VCPU)
			}
		}
	})
}

// failure mode D11
func TestTwoCPUNeverGiveATinyOrBurstableMachine(t *testing.T) {
	for _, arch := range []fleet.Arch{fleet.AMD64, fleet.ARM64} {
		for _, c := range match(t, spec(2, archs(arch))).Candidates {
			if c.Burstable || c.MemoryGiB < 4 || c.MemoryGiB < 2*float64(c.VCPU) {
				t.Errorf("cpu=2 may launch %s with %g GiB", c.Name, c.MemoryGiB)
			}
		}
	}
}

// failure mode D7
func TestTheCheaperOfTwoArchitectures(t *testing.T) {
	res := match(t, spec(4, archs(fleet.AMD64, fleet.ARM64), onDemand))
	if res.Candidates[0].Name != "c6g.xlarge" {
		t.Errorf("the cheapest is %s, want c6g.xlarge", res.Candidates[0].Name)
	}
	for _, c := range res.Candidates {
		if c.Arch != fleet.ARM64 {
			t.Errorf("%s is %s: one launch has one architecture", c.Name, c.Arch)
		}
	}
}

func TestWhyTypesAreLeftOut(t *testing.T) {
	res := match(t, spec(4, onDemand))
	tests := map[string]string{
		"t3.xlarge":    "usual families",
		"g5.xlarge":    "usual families",
		"c5.xlarge":    "recent generations",
		"c7g.xlarge":   "arch=amd64",
		"c7i.large":    "cpu=4+8",
		"c7i.16xlarge": "cpu=4+8",
		"r7a.2xlarge":  "price",
	}
	for _, l := range res.LeftOut {
		want, tested := tests[l.Type]
		if tested && l.Requirement != want {
			t.Errorf("%s was left out for %q (%s), want %q", l.Type, l.Requirement, l.Reason, want)
		}
		delete(tests, l.Type)
	}
	if len(tests) > 0 {
		t.Errorf("not left out: %v", tests)
	}
	for _, g := range res.Groups() {
		if g.Reason == "" || len(g.Types) == 0 {
			t.Errorf("a group without reason or types: %+v", g)
		}
	}
	if len(res.Defaults) != 6 {
		t.Errorf("got %d defaults, want 6: %q", len(res.Defaults), res.Defaults)
	}
}

func TestNamedFamiliesAreKeptHoweverDear(t *testing.T) {
	got := names(match(t, spec(4, families("c6a", "r7a"), onDemand)))
	if !slices.Contains(got, "r7a.2xlarge") {
		t.Errorf("r7a.2xlarge is missing from %v", got)
	}
}

func TestImpossibleSpecs(t *testing.T) {
	tests := map[string]struct {
		spec fleet.Spec
		want string
	}{
		"another architecture": {
			spec(4, families("c7g")),
			"no instance type satisfies the label: arch=amd64 removed the last ones (c7g.medium, c7gd.medium, c7g.large and 15 more): " +
				"its architecture is arm64; the types that are left are arm64: add arch=arm64",
		},
		"no such family": {
			spec(4, families("t9")),
			"no instance type satisfies family=t9: no type has such a name; correct family; the catalogue has t3, t3a, t4g",
		},
		"a mistyped runner": {
			spec(4, anySize, func(s *fleet.Spec) { s.InstanceType = "t3.huge" }),
			"no instance type satisfies instance_type=t3.huge: the catalogue has no such type; " +
				"correct the runner in the fleet configuration; the catalogue has t3, t3a, t4g",
		},
		"too much memory for the cpu": {
			spec(2, func(s *fleet.Spec) { s.RAM.Min = 500; s.Generation = 7 }),
			"no instance type satisfies the label: ram=500 removed the last ones (c7a.large, c7i.large, m7a.large and 9 more): " +
				"it has less than 500 GiB of memory; the types that are left have 4, 8, 16, 32 GiB of memory: change ram, or cpu, with which memory grows",
		},
		"more than there is": {
			spec(448, families("m8i")),
			"no instance type satisfies the label: cpu=448+896 removed the last ones (m8i.large, m8i.xlarge, m8i.2xlarge and 10 more): " +
				"it has fewer than 448 vCPU; the types that are left have 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 384 vCPU",
		},
		"a generation that the family has not": {
			spec(2, families("t3.*"), func(s *fleet.Spec) { s.Generation = 8 }),
			"no instance type satisfies the label: gen=8 removed the last ones (t3.large, t3.medium, t3.micro and 4 more): " +
				"it is of another generation; the types that are left are of generation 3",
		},
		"Windows on Graviton": {
			spec(4, families("c7g"), archs(fleet.AMD64, fleet.ARM64), func(s *fleet.Spec) { s.OS = fleet.Windows }),
			"no instance type satisfies the label: os=windows removed the last ones (c7g.medium, c7gd.medium, c7g.large and 15 more): " +
				"there is no Windows for arm64; use os=linux, or families of amd64",
		},
		"only bare metal": {
			spec(300, families("c8i.m*")),
			"no instance type satisfies the label: no bare metal removed the last ones (c8i.metal-96xl): " +
				"it is bare metal, which boots for minutes; name its size to have it; name the wanted types with family=",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			res, err := embedded(t).Match(tt.spec)
			if _, ok := errors.AsType[*catalog.ImpossibleError](err); !ok {
				t.Fatalf("got %v with candidates %v", err, names(res))
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(res.LeftOut) != len(embedded(t).Types()) {
				t.Errorf("%d types have a reason, want all %d", len(res.LeftOut), len(embedded(t).Types()))
			}
		})
	}
}

// TestTheKeyOfAnImpossibleSpec is what a report uses to point at a segment.
func TestTheKeyOfAnImpossibleSpec(t *testing.T) {
	tests := map[string]fleet.Spec{
		"arch":   spec(4, families("c7g")),
		"family": spec(4, families("t9")),
		"cpu":    spec(448),
		"runner": spec(4, anySize, func(s *fleet.Spec) { s.InstanceType = "t3.huge" }),
		"":       spec(300, families("c8i.m*")),
	}
	for want, s := range tests {
		_, err := embedded(t).Match(s)
		var impossible *catalog.ImpossibleError
		if !errors.As(err, &impossible) || impossible.Key != want {
			t.Errorf("got %+v, want the key %q", err, want)
		}
	}
}

func TestAnEmptyCatalogueSatisfiesNothing(t *testing.T) {
	var c catalog.Catalog
	var impossible *catalog.ImpossibleError
	for _, s := range []fleet.Spec{spec(2), spec(2, families("c7g")), spec(2, func(s *fleet.Spec) { s.InstanceType = "c7g.large" })} {
		if _, err := c.Match(s); !errors.As(err, &impossible) {
			t.Errorf("got %v", err)
		}
	}
}

func drawSpec(t *rapid.T) fleet.Spec {
	s := spec(rapid.IntRange(1, 100).Draw(t, "cpu"))
	s.RAM.Min = rapid.SampledFrom([]int{0, 0, 4, 16, 128}).Draw(t, "ram")
	s.Archs = rapid.SampledFrom([][]fleet.Arch{
		{fleet.AMD64}, {fleet.ARM64}, {fleet.AMD64, fleet.ARM64}, nil,
	}).Draw(t, "archs")
	s.OS = rapid.SampledFrom([]fleet.OS{fleet.Linux, fleet.Windows}).Draw(t, "os")
	s.Families = rapid.SampledFrom([][]string{nil, nil, {"c7"}, {"m7i.*", "r"}, {"t"}, {"c7g.metal"}}).Draw(t, "families")
	s.Generation = rapid.SampledFrom([]int{0, 0, 5, 7, 8}).Draw(t, "generation")
	s.Market = rapid.SampledFrom([]fleet.Market{fleet.AnyMarket, fleet.Spot, fleet.OnDemand}).Draw(t, "market")
	return s
}

func TestMatchProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		c := embedded(t)
		res, err := c.Match(s)
		again, errAgain := c.Match(s)
		if diff := cmp.Diff(res, again); diff != "" || (err == nil) != (errAgain == nil) {
			t.Fatalf("two answers to one question:\n%s", diff)
		}
		if (err == nil) != (len(res.Candidates) > 0) {
			t.Fatalf("%d candidates and the error %v", len(res.Candidates), err)
		}
		var seen []string
		for i, cand := range res.Candidates {
			checkCandidate(t, s, res, cand)
			if i > 0 && cand.PricePerHour < res.Candidates[i-1].PricePerHour {
				t.Fatalf("%s is tried after a dearer type", cand.Name)
			}
			seen = append(seen, cand.Name)
		}
		for _, l := range res.LeftOut {
			seen = append(seen, l.Type)
		}
		var all []string
		for _, ty := range c.Types() {
			all = append(all, ty.Name)
		}
		slices.Sort(seen)
		if diff := cmp.Diff(all, seen); diff != "" {
			t.Fatalf("types without a verdict, or with two (-want +got):\n%s", diff)
		}
	})
}

func checkCandidate(t *rapid.T, s fleet.Spec, res catalog.Result, c catalog.Candidate) {
	t.Helper()
	switch {
	case c.VCPU < s.CPU.Min || c.VCPU > s.CPU.Max || c.MemoryGiB < float64(s.RAM.Min):
		t.Fatalf("%s has the wrong size", c.Name)
	case len(s.Archs) > 0 && !slices.Contains(s.Archs, c.Arch), c.Arch != res.Candidates[0].Arch:
		t.Fatalf("%s has the wrong architecture", c.Name)
	case s.OS == fleet.Windows && c.Arch != fleet.AMD64:
		t.Fatalf("%s cannot run Windows", c.Name)
	case s.Generation > 0 && c.Generation != s.Generation:
		t.Fatalf("%s has the wrong generation", c.Name)
	case s.Families == nil && (c.Burstable || c.Metal || c.GPU || c.PricePerHour > 2*res.Candidates[0].PricePerHour):
		t.Fatalf("%s must be asked for by name", c.Name)
	case s.Families == nil && !strings.Contains("cmr", c.Name[:1]):
		t.Fatalf("%s is of no usual family", c.Name)
	default:
	}
}
