package label_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/label"
)

func TestGenericLabelsAreAWarning(t *testing.T) {
	res, err := label.Resolve([]string{"self-hosted", "Linux", "runs-fleet=1", "gpu-team", "self-hosted"}, label.Fleet{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Warnings) != 2 {
		t.Fatalf("got %d warnings, want one for each generic label: %q", len(res.Warnings), res.Warnings)
	}
	for i, name := range []string{`"Linux"`, `"self-hosted"`} {
		if !strings.Contains(res.Warnings[i], name) {
			t.Errorf("warning %d is %q, want it to name %s", i, res.Warnings[i], name)
		}
	}
}

func TestWhichLabelsAreGeneric(t *testing.T) {
	tests := map[string]bool{
		"x64": true, "ARM64": true, "macOS": true, "ubuntu-latest": true, "ubuntu-24.04-arm": true, "windows-2022": true,
		"macos-latest-xlarge": true, "gpu": false, "ubuntu-4core": false, "linux-team": false, "windows-build": false,
	}
	for name, want := range tests {
		res, err := label.Resolve([]string{"runs-fleet=1", name}, label.Fleet{})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(res.Warnings) == 1; got != want {
			t.Errorf("%q: generic %t, want %t", name, got, want)
		}
	}
}

// TestGenericLabelsAreRefused is the rule of organisation scope.
func TestGenericLabelsAreRefused(t *testing.T) {
	_, err := label.Resolve([]string{"runs-fleet=1", "self-hosted"}, label.Fleet{RefuseGenericLabels: true})
	var wrong *label.Error
	if !errors.As(err, &wrong) || wrong.Segment != "self-hosted" {
		t.Errorf("got %v, want an error of the label self-hosted", err)
	}
}

func TestFold(t *testing.T) { // failure mode O5
	in := []string{"Linux", "runs-fleet=1", "linux", "ARM64"}
	if diff := cmp.Diff([]string{"arm64", "linux", "runs-fleet=1"}, label.Fold(in)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if in[0] != "Linux" {
		t.Error("the argument was changed")
	}
}

func TestFoldIgnoresOrderCaseAndRepetition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOf(rapid.StringMatching(`[a-zA-Z0-9=/-]{1,8}`)).Draw(t, "labels")
		again := rapid.Permutation(append(labels, labels...)).Draw(t, "again")
		for i := range again {
			if rapid.Bool().Draw(t, "upper") {
				again[i] = strings.ToUpper(again[i])
			}
		}
		if diff := cmp.Diff(label.Fold(labels), label.Fold(again)); diff != "" {
			t.Fatalf("(-once +again):\n%s", diff)
		}
	})
}
