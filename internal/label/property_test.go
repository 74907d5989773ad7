package label_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
)

// segments draws valid settings that do not contradict each other, each key at most once.
func segments(t *rapid.T) []string {
	choices := []*rapid.Generator[string]{
		rapid.Custom(func(t *rapid.T) string { return "cpu=" + drawRange(t, label.MaxCPU) }),
		rapid.Custom(func(t *rapid.T) string { return "ram=" + drawRange(t, label.MaxRAM) }),
		rapid.SampledFrom([]string{"family=c7", "family=c7g+m7g", "family=m7i.*", "family=c7g.large", "family=r*"}),
		rapid.SampledFrom([]string{"gen=7", "gen=8"}),
		rapid.SampledFrom([]string{"arch=amd64", "arch=x64", "arch=arm64", "arch=amd64+arm64"}),
		rapid.SampledFrom([]string{"os=linux", "os=Linux"}),
		rapid.SampledFrom([]string{"disk=40", "disk=80gb:gp3", "disk=80gb:gp3:500mbps:4000iops"}),
		rapid.SampledFrom([]string{"spot=true", "spot=false"}),
		rapid.SampledFrom([]string{"retry=never", "retry=when-interrupted"}),
		rapid.SampledFrom([]string{"max=90m", "max=2h", "max=1d"}),
		rapid.SampledFrom([]string{"tag=a", "tag="}),
		rapid.SampledFrom([]string{"region=us-east-1", "region=us-west-2+us-east-1"}),
	}
	var segs []string
	for _, c := range choices {
		if rapid.Bool().Draw(t, "given") {
			segs = append(segs, c.Draw(t, "segment"))
		}
	}
	return segs
}

func drawRange(t *rapid.T, limit int) string {
	low := rapid.IntRange(1, limit).Draw(t, "low")
	if rapid.Bool().Draw(t, "single") {
		return fmt.Sprint(low)
	}
	return fmt.Sprintf("%d+%d", low, rapid.IntRange(low, limit).Draw(t, "high"))
}

func TestEqualMeaningsHaveOneShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		segs := segments(t)
		first := "runs-fleet=123/" + strings.Join(segs, "/")
		second := "RUNS-FLEET=other/" + strings.ToUpper(strings.Join(rapid.Permutation(segs).Draw(t, "order"), "/"))
		if len(segs) == 0 {
			first, second = "runs-fleet=123", "RUNS-FLEET"
		}
		a, err := label.Resolve([]string{first}, configured())
		if err != nil {
			t.Fatal(err)
		}
		b, err := label.Resolve([]string{second, "another"}, configured())
		if err != nil {
			t.Fatal(err)
		}
		keyOf := func(r fleet.Resolved) fleet.ShapeKey {
			return fleet.Shape{Environment: r.Environment, Spec: r.Spec}.Key()
		}
		if keyOf(a) != keyOf(b) {
			t.Fatalf("%q and %q have different shapes:\n%s", first, second, cmp.Diff(a, b))
		}
	})
}

// failure mode D10
func TestNoLabelWithoutARangeAsksForMoreThanTwiceItsCPU(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, label.MaxCPU).Draw(t, "cpu")
		res, err := label.Resolve([]string{fmt.Sprintf("runs-fleet=1/cpu=%d", n)}, label.Fleet{})
		if err != nil {
			t.Fatal(err)
		}
		if want := (fleet.Range{Min: n, Max: 2 * n}); res.Spec.CPU != want {
			t.Fatalf("cpu=%d means %+v, want %+v", n, res.Spec.CPU, want)
		}
	})
}

// TestSuggestionsAreValid damages a valid label; what the error then suggests in full must itself be accepted.
func TestSuggestionsAreValid(t *testing.T) {
	suggested := regexp.MustCompile(`did you mean ([a-z]+=[^ ?]+)\?`)
	rapid.Check(t, func(t *rapid.T) {
		segs := segments(t)
		if len(segs) == 0 {
			return
		}
		i := rapid.IntRange(0, len(segs)-1).Draw(t, "which")
		at := rapid.IntRange(0, len(segs[i])).Draw(t, "where")
		segs[i] = segs[i][:at] + rapid.StringMatching(`[a-z0-9+:,=-]`).Draw(t, "with") + segs[i][at:]
		_, err := label.Resolve([]string{"runs-fleet=1/" + strings.Join(segs, "/")}, configured())
		var wrong *label.Error
		if err == nil || !errors.As(err, &wrong) {
			return
		}
		if m := suggested.FindStringSubmatch(wrong.Suggestion); m != nil {
			if _, err := label.Resolve([]string{"runs-fleet=1/" + m[1]}, configured()); err != nil {
				t.Fatalf("%v\nbut what it suggests is wrong as well: %v", wrong, err)
			}
		}
	})
}
