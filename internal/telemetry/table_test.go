package telemetry_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/telemetry"
)

func TestEveryMetricIsExplainedAndBounded(t *testing.T) { // failure mode J7
	name := regexp.MustCompile(`^runs_fleet(\.[a-z_]+)+$`)
	word := regexp.MustCompile(`^[a-z0-9_-]+$`)
	seen := map[string]bool{}
	all := 0
	for _, m := range telemetry.Table() {
		if !name.MatchString(m.Name) || seen[m.Prometheus()] {
			t.Errorf("%s is no name of a metric, or is used twice", m.Name)
		}
		seen[m.Prometheus()] = true
		if !strings.HasSuffix(m.Help, ".") {
			t.Errorf("%s: the help text has to be of whole sentences", m.Name)
		}
		if (m.Kind == telemetry.Histogram) != (len(m.Buckets) > 0) || !slices.IsSorted(m.Buckets) {
			t.Errorf("%s: exactly histograms have buckets, in their order", m.Name)
		}
		for _, l := range m.Labels {
			if len(l.Values) == 0 || len(slices.Compact(slices.Sorted(slices.Values(l.Values)))) != len(l.Values) {
				t.Errorf("%s: label %s needs values, each once", m.Name, l.Name)
			}
			for _, v := range l.Values {
				if !word.MatchString(v) {
					t.Errorf("%s: %q is no value of label %s", m.Name, v, l.Name)
				}
			}
		}
		all += m.Series()
	}
	const affordable = 1000 // series of one replica, at the very most
	if all > affordable {
		t.Errorf("the metrics can have %d series, more than %d", all, affordable)
	}
}

func TestThePageOfMetricsIsUpToDate(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(telemetry.Markdown(), string(page)); diff != "" {
		t.Errorf("docs/metrics.md is out of date: run go generate ./internal/cli\n%s", diff)
	}
}
