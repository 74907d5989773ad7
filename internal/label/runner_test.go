package label_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
)

// withRunner is a fleet whose runner "all" sets everything that a runner can set.
func withRunner() label.Fleet {
	return label.Fleet{
		Images: []string{"old", "new"},
		Pools:  []string{"warm"},
		Runners: map[string]label.Runner{
			"all": {Spec: fleet.Spec{
				CPU: fleet.Range{Min: 8, Max: 12}, RAM: fleet.Range{Min: 16}, Families: []string{"M7G"}, Generation: 7,
				Archs: []fleet.Arch{fleet.ARM64}, OS: fleet.Linux, Image: "old", Disk: fleet.Disk{SizeGB: 40},
				Market: fleet.Spot, Regions: []string{"us-east-1"}, Private: true, Pool: "a runner has no pool",
			}},
			"4cpu-linux-arm64": {Spec: fleet.Spec{InstanceType: "C7G.xlarge"}},
			"intel":            {Spec: fleet.Spec{InstanceType: "m7i.large"}},
			"first-graviton":   {Spec: fleet.Spec{InstanceType: "a1.large"}},
		},
	}
}

func TestARunnerGivesItsValues(t *testing.T) {
	got, err := label.Resolve([]string{"runs-fleet=1/runner=all"}, withRunner())
	if err != nil {
		t.Fatal(err)
	}
	want := fleet.Spec{
		CPU: fleet.Range{Min: 8, Max: 12}, RAM: fleet.Range{Min: 16}, Families: []string{"m7g"}, Generation: 7,
		Archs: []fleet.Arch{fleet.ARM64}, OS: fleet.Linux, Image: "old", Disk: fleet.Disk{SizeGB: 40},
		Market: fleet.Spot, Regions: []string{"us-east-1"}, Private: true,
	}
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALabelReplacesTheValuesOfItsRunner(t *testing.T) {
	const all = "runs-fleet=1/cpu=2/ram=4+8/family=c8/gen=8/arch=amd64/os=windows/image=new/disk=80/spot=false/" +
		"region=eu-west-1/private=false/pool=warm/runner=all"
	got, err := label.Resolve([]string{all}, withRunner())
	if err != nil {
		t.Fatal(err)
	}
	want := fleet.Spec{
		CPU: fleet.Range{Min: 2, Max: 4}, RAM: fleet.Range{Min: 4, Max: 8}, Families: []string{"c8"}, Generation: 8,
		Archs: []fleet.Arch{fleet.AMD64}, OS: fleet.Windows, Image: "new", Disk: fleet.Disk{SizeGB: 80},
		Market: fleet.OnDemand, Regions: []string{"eu-west-1"}, Pool: "warm",
	}
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestARunnerOfOneInstanceType: the short form says nothing of the architecture, which the type's name does.
func TestARunnerOfOneInstanceType(t *testing.T) {
	tests := map[string]fleet.Spec{
		"4cpu-linux-arm64": {InstanceType: "c7g.xlarge", Archs: []fleet.Arch{fleet.ARM64}, OS: fleet.Linux}, // hides the built-in form
		"intel":            {InstanceType: "m7i.large", Archs: []fleet.Arch{fleet.AMD64}, OS: fleet.Linux},
		"first-graviton":   {InstanceType: "a1.large", Archs: []fleet.Arch{fleet.ARM64}, OS: fleet.Linux},
	}
	for name, want := range tests {
		got, err := label.Resolve([]string{"runs-fleet=1/runner=" + name}, withRunner())
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, got.Spec); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestResolveDoesNotChangeTheConfiguration(t *testing.T) { // failure mode M11
	f := withRunner()
	f.Environments = []label.Environment{{Name: "default", Regions: []string{"US-EAST-1", "eu-west-1"}}}
	for range 2 {
		if _, err := label.Resolve([]string{"runs-fleet=1/runner=all/region=us-east-1/family=c8+c7"}, f); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(withRunner().Runners, f.Runners); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}
