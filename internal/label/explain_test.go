package label_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/label"
)

func TestExplain(t *testing.T) {
	got, err := label.Explain([]string{"runs-fleet=123/runner=build-large/cpu=16/max=90m/tag=a"}, configured())
	if err != nil {
		t.Fatal(err)
	}
	wantSegments := []label.Meaning{
		{Segment: "runs-fleet=123", Meaning: `this fleet; "123" only makes the label unique`},
		{Segment: "runner=build-large", Key: "runner", Meaning: "the runner build-large of the fleet configuration"},
		{Segment: "cpu=16", Key: "cpu", Meaning: "16 to 32 vCPU"},
		{Segment: "max=90m", Key: "max", Meaning: "the job may run for 1h30m"},
		{Segment: "tag=a", Key: "tag", Meaning: "ignored; it only makes the label unique"},
	}
	if diff := cmp.Diff(wantSegments, got.Segments); diff != "" {
		t.Errorf("segments (-want +got):\n%s", diff)
	}
	const runner = "runner=build-large"
	wantDefaults := []label.Default{
		{Key: "ram", Value: "16 to 64 GiB of memory", Source: runner},
		{Key: "family", Value: "instance types matching c7g or m7g", Source: runner},
		{Key: "gen", Value: "any generation that the family allows", Source: "default"},
		{Key: "arch", Value: "arm64", Source: runner},
		{Key: "os", Value: "linux", Source: "default"},
		{Key: "image", Value: "the fleet's default image for linux on arm64", Source: "default"},
		{Key: "disk", Value: "as the runner or the fleet configuration says", Source: "default"},
		{Key: "pool", Value: "any pool that also serves jobs that do not name it, else a launch", Source: "default"},
		{Key: "spot", Value: "as the fleet configuration says", Source: "default"},
		{Key: "retry", Value: "the job is repeated when its machine is reclaimed", Source: "default"},
		{Key: "region", Value: "the regions of the environment, in its order", Source: "default"},
		{Key: "env", Value: "the environment prod", Source: "default"},
		{Key: "private", Value: "any subnet of the environment", Source: "default"},
	}
	if diff := cmp.Diff(wantDefaults, got.Defaults); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestExplainWords(t *testing.T) {
	tests := map[string]string{
		"cpu=4+4":                        "exactly 4 vCPU",
		"ram=8":                          "at least 8 GiB of memory",
		"gen=7":                          "instance generation 7",
		"family=c7g.large":               "instance types matching c7g.large",
		"arch=amd64+arm64":               "amd64 or arm64, whichever is cheaper",
		"image=ubuntu24-full":            "the image ubuntu24-full",
		"disk=80gb:gp3:500mbps:4000iops": "80 GiB, gp3, 500 MiB/s, 4000 operations a second",
		"runner=4cpu-linux-arm64":        "a built-in runner: 4 to 8 vCPU, linux on arm64",
		"pool=nightly":                   "a warm machine of the pool nightly, else a launch",
		"spot=true":                      "a spot machine: cheaper, can be reclaimed",
		"spot=false":                     "an on-demand machine: never reclaimed",
		"retry=never":                    "the job is not repeated when its machine is reclaimed",
		"region=us-west-2+us-east-1":     "us-west-2, then us-east-1",
		"private=true":                   "private subnets only",
		"max=45m":                        "the job may run for 45m",
		"max=2h":                         "the job may run for 2h",
	}
	for segment, want := range tests {
		got, err := label.Explain([]string{"runs-fleet/" + segment}, configured())
		if err != nil {
			t.Fatal(err)
		}
		if got.Segments[1].Meaning != want {
			t.Errorf("%s is explained as %q, want %q", segment, got.Segments[1].Meaning, want)
		}
	}
}

func TestExplainAnAlias(t *testing.T) {
	got, err := label.Explain([]string{"ubuntu-4core"}, configured())
	if err != nil {
		t.Fatal(err)
	}
	if got.Label != "ubuntu-4core" || got.StandsFor != "cpu=4/arch=arm64" || len(got.Segments) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestExplainHasTheErrorsOfResolve(t *testing.T) {
	const wrong = "runs-fleet=1/cpus=4"
	_, want := label.Resolve([]string{wrong}, configured())
	_, got := label.Explain([]string{wrong}, configured())
	if want == nil || got == nil || got.Error() != want.Error() {
		t.Errorf("got %v, want %v", got, want)
	}
}
