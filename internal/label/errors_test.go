package label_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
)

var update = flag.Bool("update", false, "rewrite testdata/errors.txt")

// configured is a fleet that configures one or two of everything.
func configured() label.Fleet {
	return label.Fleet{
		DefaultEnvironment: "prod",
		Environments: []label.Environment{
			{Name: "prod", Regions: []string{"us-east-1", "us-west-2"}},
			{Name: "locked", Private: true},
		},
		Runners: map[string]label.Runner{
			"build-large": {Spec: fleet.Spec{
				CPU: fleet.Range{Min: 8}, RAM: fleet.Range{Min: 16, Max: 64},
				Families: []string{"m7g", "c7g"}, Archs: []fleet.Arch{fleet.ARM64},
			}},
			"exact": {Spec: fleet.Spec{InstanceType: "c7g.xlarge"}},
		},
		Pools:  []string{"default", "nightly"},
		Images: []string{"ubuntu24-full"},
		Aliases: map[string]string{
			"ubuntu-4core": "cpu=4/arch=arm64",
			"default-box":  "",
			"broken-alias": "cpu=4/rma=8",
		},
	}
}

// TestErrorTexts keeps every error text under review: the file is the specification.
func TestErrorTexts(t *testing.T) {
	const file = "testdata/errors.txt"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(raw)) {
		in, isInput := strings.CutPrefix(strings.TrimRight(line, "\n"), "in ")
		if strings.HasPrefix(line, "  =>") {
			continue
		}
		got.WriteString(line)
		if !isInput {
			continue
		}
		_, err := label.Resolve(strings.Split(in, " | "), configured())
		if _, ok := errors.AsType[*label.Error](err); !ok {
			t.Errorf("%s: got %v, want an error of the label", in, err)
			continue
		}
		got.WriteString("  => " + err.Error() + "\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(raw), got.String()); diff != "" {
		t.Errorf("error texts changed (-file +now):\n%s", diff)
	}
}
