package label_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
)

func amd64() []fleet.Arch { return []fleet.Arch{fleet.AMD64} }
func arm64() []fleet.Arch { return []fleet.Arch{fleet.ARM64} }

func defaults() fleet.Spec {
	return fleet.Spec{CPU: fleet.Range{Min: 2, Max: 4}, OS: fleet.Linux, Archs: amd64()}
}

func with(change func(*fleet.Spec)) fleet.Spec {
	s := defaults()
	change(&s)
	return s
}

func cpu(low, high int) fleet.Range { return fleet.Range{Min: low, Max: high} }

func TestSpecOfALabel(t *testing.T) { // failure mode N23
	tests := map[string]fleet.Spec{
		"runs-fleet":                        defaults(),
		"runs-fleet=":                       defaults(),
		"runs-fleet=123":                    defaults(),
		"Runs-Fleet=123/CPU=2":              defaults(),
		"runs-fleet=a b:c,d/id=7/tag=x=y":   defaults(),
		"runs-fleet/id=/tag=":               defaults(),
		"runs-fleet=1/cpu=4":                with(func(s *fleet.Spec) { s.CPU = cpu(4, 8) }), // failure mode D10
		"runs-fleet=1/cpu=4+16":             with(func(s *fleet.Spec) { s.CPU = cpu(4, 16) }),
		"runs-fleet=1/cpu=4+4":              with(func(s *fleet.Spec) { s.CPU = cpu(4, 4) }),
		"runs-fleet=1/ram=8":                with(func(s *fleet.Spec) { s.RAM = fleet.Range{Min: 8} }),
		"runs-fleet=1/ram=8+32":             with(func(s *fleet.Spec) { s.RAM = fleet.Range{Min: 8, Max: 32} }),
		"runs-fleet=1/family=m7g+C7g":       with(func(s *fleet.Spec) { s.Families = []string{"c7g", "m7g"} }),
		"runs-fleet=1/family=c7+c7g":        with(func(s *fleet.Spec) { s.Families = []string{"c7"} }),
		"runs-fleet=1/family=c7*+c7g.large": with(func(s *fleet.Spec) { s.Families = []string{"c7"} }),
		"runs-fleet=1/family=m7i.*":         with(func(s *fleet.Spec) { s.Families = []string{"m7i.*"} }),
		"runs-fleet=1/family=m7i.large+m7i.*": with(func(s *fleet.Spec) {
			s.Families = []string{"m7i.*"}
		}),
		"runs-fleet=1/family=c7i.large":            with(func(s *fleet.Spec) { s.CPU = fleet.Range{}; s.Families = []string{"c7i.large"} }),
		"runs-fleet=1/gen=7":                       with(func(s *fleet.Spec) { s.Generation = 7 }),
		"runs-fleet=1/arch=x64":                    defaults(),
		"runs-fleet=1/arch=X86_64":                 defaults(),
		"runs-fleet=1/arch=aarch64":                with(func(s *fleet.Spec) { s.Archs = arm64() }),
		"runs-fleet=1/arch=arm64+x64+amd64":        with(func(s *fleet.Spec) { s.Archs = []fleet.Arch{fleet.AMD64, fleet.ARM64} }),
		"runs-fleet=1/os=Windows":                  with(func(s *fleet.Spec) { s.OS = fleet.Windows }),
		"runs-fleet=1/os=windows/arch=arm64+amd64": with(func(s *fleet.Spec) { s.OS = fleet.Windows }),
		"runs-fleet=1/image=Ubuntu24-Full":         with(func(s *fleet.Spec) { s.Image = "ubuntu24-full" }),
		"runs-fleet=1/disk=80":                     with(func(s *fleet.Spec) { s.Disk.SizeGB = 80 }),
		"runs-fleet=1/disk=80GB":                   with(func(s *fleet.Spec) { s.Disk.SizeGB = 80 }),
		"runs-fleet=1/disk=80gb:gp3:500mbps:4000iops": with(func(s *fleet.Spec) {
			s.Disk = fleet.Disk{SizeGB: 80, Type: "gp3", ThroughputMBps: 500, IOPS: 4000}
		}),
		"runs-fleet=1/disk=80:4000iops:500mibps": with(func(s *fleet.Spec) {
			s.Disk = fleet.Disk{SizeGB: 80, Type: "gp3", ThroughputMBps: 500, IOPS: 4000}
		}),
		"runs-fleet=1/pool=Nightly": with(func(s *fleet.Spec) { s.Pool = "nightly" }),
		"runs-fleet=1/spot=true":    with(func(s *fleet.Spec) { s.Market = fleet.Spot }),
		"runs-fleet=1/spot=FALSE":   with(func(s *fleet.Spec) { s.Market = fleet.OnDemand }),
		"runs-fleet=1/region=us-west-2+us-east-1+us-west-2": with(func(s *fleet.Spec) {
			s.Regions = []string{"us-west-2", "us-east-1"}
		}),
		"runs-fleet=1/private=true":                           with(func(s *fleet.Spec) { s.Private = true }),
		"runs-fleet=1/private=false":                          defaults(),
		"runs-fleet=1/env=locked":                             with(func(s *fleet.Spec) { s.Private = true }),
		"runs-fleet=1/env=locked/region=eu-central-1":         with(func(s *fleet.Spec) { s.Private = true; s.Regions = []string{"eu-central-1"} }),
		"runs-fleet=1/runner=4cpu-linux-arm64":                with(func(s *fleet.Spec) { s.CPU = cpu(4, 8); s.Archs = arm64() }),
		"runs-fleet=1/runner=8cpu-windows-x64":                with(func(s *fleet.Spec) { s.CPU = cpu(8, 16); s.OS = fleet.Windows }),
		"runs-fleet=1/runner=2cpu-linux-x64/arch=amd64/cpu=2": defaults(),
		"runs-fleet=1/runner=2cpu-linux-x64/ram=16":           with(func(s *fleet.Spec) { s.RAM = fleet.Range{Min: 16} }),
		"runs-fleet=1/runner=build-large": with(func(s *fleet.Spec) {
			s.CPU, s.RAM, s.Archs, s.Families = cpu(8, 16), cpu(16, 64), arm64(), []string{"c7g", "m7g"}
		}),
		"runs-fleet=1/runner=Build-Large/cpu=32/family=r7g": with(func(s *fleet.Spec) {
			s.CPU, s.RAM, s.Archs, s.Families = cpu(32, 64), cpu(16, 64), arm64(), []string{"r7g"}
		}),
		"runs-fleet=1/runner=exact/disk=100/family=c7g.xlarge": with(func(s *fleet.Spec) {
			s.CPU, s.Archs, s.InstanceType, s.Disk.SizeGB = fleet.Range{}, arm64(), "c7g.xlarge", 100
		}),
		"ubuntu-4core": with(func(s *fleet.Spec) { s.CPU = cpu(4, 8); s.Archs = arm64() }),
		"Ubuntu-4Core": with(func(s *fleet.Spec) { s.CPU = cpu(4, 8); s.Archs = arm64() }),
		"default-box":  defaults(),
	}
	for in, want := range tests {
		t.Run(in, func(t *testing.T) {
			got, err := label.Resolve([]string{in}, configured())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Spec); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNotPartOfTheSpec(t *testing.T) {
	type outcome struct {
		Environment string
		Max         time.Duration
		Retry       fleet.Retry
	}
	tests := map[string]outcome{
		"runs-fleet=1":                              {"prod", 6 * time.Hour, fleet.RetryWhenInterrupted},
		"runs-fleet=1/env=LOCKED":                   {"locked", 6 * time.Hour, fleet.RetryWhenInterrupted},
		"runs-fleet=1/max=90m":                      {"prod", 90 * time.Minute, fleet.RetryWhenInterrupted},
		"runs-fleet=1/max=1H30M":                    {"prod", 90 * time.Minute, fleet.RetryWhenInterrupted},
		"runs-fleet=1/max=1m":                       {"prod", time.Minute, fleet.RetryWhenInterrupted},
		"runs-fleet=1/max=5d":                       {"prod", 120 * time.Hour, fleet.RetryWhenInterrupted},
		"runs-fleet=1/retry=never":                  {"prod", 6 * time.Hour, fleet.RetryNever},
		"runs-fleet=1/retry=When-Interrupted":       {"prod", 6 * time.Hour, fleet.RetryWhenInterrupted},
		"runs-fleet=1/runner=exact/max=2h/env=prod": {"prod", 2 * time.Hour, fleet.RetryWhenInterrupted},
	}
	for in, want := range tests {
		t.Run(in, func(t *testing.T) {
			res, err := label.Resolve([]string{in}, configured())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, outcome{res.Environment, res.MaxRuntime, res.Retry}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLabelsThatAreNotOurs(t *testing.T) {
	for _, labels := range [][]string{
		nil,
		{""},
		{"self-hosted", "linux"},
		{"runs-fleet-large"},
		{"runs-fleet2=1"},
		{"my-runs-fleet=1"},
		{"runs-fleet cpu=4"},
		{"runs-fleet,cpu=4"},
		{"runs-on=1/cpu=4"},
		{"ubuntu-5core"},
	} {
		if _, err := label.Resolve(labels, configured()); !errors.Is(err, label.ErrNotOurs) {
			t.Errorf("%q: got %v, want ErrNotOurs", labels, err)
		}
	}
}

// TestNothingConfigured is the fleet of a single machine: names lead to an error that says what works without them.
func TestNothingConfigured(t *testing.T) {
	tests := map[string]string{
		"runs-fleet=1/runner=big":  `label "runs-fleet=1/runner=big": segment "runner=big": no runner named "big" is configured; no runner is configured yet; built-in forms such as runner=4cpu-linux-arm64 work`,
		"runs-fleet=1/pool=warm":   `label "runs-fleet=1/pool=warm": segment "pool=warm": no pool named "warm" is configured; no pool is configured yet; without pool= a machine is launched for the job`,
		"runs-fleet=1/image=full":  `label "runs-fleet=1/image=full": segment "image=full": no image named "full" is configured; no image is configured yet; without image= the machine has the default image for its os and arch`,
		"runs-fleet=1/env=staging": `label "runs-fleet=1/env=staging": segment "env=staging": no environment named "staging" is configured; configured: default`,
	}
	for in, want := range tests {
		_, err := label.Resolve([]string{in}, label.Fleet{})
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	res, err := label.Resolve([]string{"runs-fleet=1/env=default/region=eu-west-1"}, label.Fleet{})
	if err != nil || res.Environment != fleet.DefaultEnvironment {
		t.Errorf("got environment %q, %v; want the default one", res.Environment, err)
	}
}

func TestPlatformsThatTheFleetHas(t *testing.T) {
	linuxAMD := label.Platform{OS: fleet.Linux, Arch: fleet.AMD64}
	linuxARM := label.Platform{OS: fleet.Linux, Arch: fleet.ARM64}
	windows := label.Platform{OS: fleet.Windows, Arch: fleet.AMD64}
	tests := []struct {
		label     string
		platforms []label.Platform
		os        fleet.OS
		archs     []fleet.Arch
		segment   string // of the error
	}{
		{"runs-fleet=1", []label.Platform{linuxAMD}, fleet.Linux, amd64(), ""},
		{"runs-fleet=1", []label.Platform{linuxARM}, fleet.Linux, arm64(), ""},
		{"runs-fleet=1", []label.Platform{windows}, fleet.Windows, amd64(), ""},
		{"runs-fleet=1", []label.Platform{}, "", nil, "runs-fleet=1"},
		{"runs-fleet=1/arch=amd64+arm64", []label.Platform{linuxARM}, fleet.Linux, arm64(), ""},
		{"runs-fleet=1/arch=amd64+arm64", nil, fleet.Linux, []fleet.Arch{fleet.AMD64, fleet.ARM64}, ""},
		{"runs-fleet=1/arch=arm64", []label.Platform{linuxAMD}, "", nil, "arch=arm64"},
		{"runs-fleet=1/arch=amd64", []label.Platform{linuxARM, windows}, "", nil, "arch=amd64"},
		{"runs-fleet=1/arch=amd64/os=windows", []label.Platform{linuxAMD}, "", nil, "os=windows"},
		{"runs-fleet=1/runner=2cpu-windows-x64", []label.Platform{linuxAMD}, "", nil, "runner=2cpu-windows-x64"},
		{"runs-fleet=1/runner=2cpu-windows-arm64", nil, "", nil, "runner=2cpu-windows-arm64"},
	}
	for _, tt := range tests {
		res, err := label.Resolve([]string{tt.label}, label.Fleet{Platforms: tt.platforms})
		var wrong *label.Error
		switch {
		case tt.segment == "" && err != nil:
			t.Errorf("%s on %v: %v", tt.label, tt.platforms, err)
		case tt.segment != "" && (!errors.As(err, &wrong) || wrong.Segment != tt.segment):
			t.Errorf("%s on %v: got %v, want an error of segment %q", tt.label, tt.platforms, err, tt.segment)
		case tt.segment == "" && (res.Spec.OS != tt.os || !cmp.Equal(res.Spec.Archs, tt.archs)):
			t.Errorf("%s on %v: got %s on %v", tt.label, tt.platforms, res.Spec.OS, res.Spec.Archs)
		}
	}
}
