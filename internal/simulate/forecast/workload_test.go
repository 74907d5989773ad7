package forecast_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

func workload(t *testing.T, arrival string, labels ...string) forecast.Workload {
	t.Helper()
	w := forecast.Workload{Jobs: 2000, Over: 24 * time.Hour}
	var err error
	if w.Arrival, err = forecast.ParseArrival(arrival); err != nil {
		t.Fatal(err)
	}
	if w.Runs, err = forecast.ParseSpread("2m..20m"); err != nil {
		t.Fatal(err)
	}
	for _, l := range append(labels, "runs-fleet") {
		s, err := forecast.ParseShare(l)
		if err != nil {
			t.Fatal(err)
		}
		w.Mix = append(w.Mix, s)
	}
	return w
}

func TestWorkload(t *testing.T) {
	for _, arrival := range []string{"steady", "bursts", "bursts=1", "bursts=500", "office"} {
		w := workload(t, arrival, "3:runs-fleet/cpu=4", "self-hosted, runs-fleet=${{ github.run_id }}/cpu=2")
		jobs := w.Draw(7)
		if len(jobs) != w.Jobs {
			t.Errorf("%s: %d jobs", arrival, len(jobs))
		}
		if !slices.IsSortedFunc(jobs, func(a, b forecast.Job) int { return int(a.At - b.At) }) {
			t.Errorf("%s: the jobs are not in the order of their times", arrival)
		}
		if diff := cmp.Diff(jobs, w.Draw(7)); diff != "" {
			t.Errorf("%s: the same seed draws other jobs: %s", arrival, diff)
		}
		if cmp.Equal(jobs, w.Draw(8)) {
			t.Errorf("%s: another seed draws the same jobs", arrival)
		}
		byLabels := map[string]int{}
		for _, j := range jobs {
			byLabels[strings.Join(j.Labels, " ")]++
		}
		if n := byLabels["runs-fleet/cpu=4"]; n < 1100 || n > 1300 {
			t.Errorf("%s: three of five jobs have weight 3, and are %d of %d: %v", arrival, n, len(jobs), byLabels)
		}
	}
}

func TestOtherDurationsLeaveTheMoments(t *testing.T) {
	w := workload(t, "steady")
	longer := w
	longer.Runs = forecast.Always(time.Hour)
	a, b := w.Draw(7), longer.Draw(7)
	for i := range a {
		if a[i].At != b[i].At {
			t.Fatalf("job %d comes at %s, and at %s if jobs take longer", i, a[i].At, b[i].At)
		}
	}
}

func TestOfficeHours(t *testing.T) {
	w := workload(t, "office")
	w.Over = 7 * 24 * time.Hour
	day, night, weekend := 0, 0, 0
	for _, j := range w.Draw(1) {
		switch hour := 8 + int(j.At/time.Hour); {
		case hour >= 5*24:
			weekend++
		case hour%24 >= 8 && hour%24 < 18:
			day++
		default:
			night++
		}
	}
	if day < 4*night || weekend*10 > day {
		t.Errorf("%d jobs by day, %d by night, %d at the weekend", day, night, weekend)
	}
}

func TestBurstsComeTogether(t *testing.T) {
	jobs := workload(t, "bursts=50").Draw(3)
	together := 0
	for i := 1; i < len(jobs); i++ {
		if jobs[i].At-jobs[i-1].At < time.Second {
			together++
		}
	}
	if together < len(jobs)*9/10 {
		t.Errorf("%d of %d jobs come right after another", together, len(jobs))
	}
}

func TestWrongWorkloads(t *testing.T) {
	for text, says := range map[string]string{"often": "it is steady", "steady=3": "it is steady", "bursts=0": "1 to 10000", "bursts=x": "1 to 10000"} {
		if _, err := forecast.ParseArrival(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("arrival %s: error %v, want one that says %q", text, err, says)
		}
	}
	for text, says := range map[string]string{
		"0:runs-fleet": "is no weight", "many:runs-fleet": "is no weight", "ubuntu-latest": "write runs-fleet, or",
		"runs-fleet/cpx=2": "did you mean cpu=2?", "runs-fleet=${{ github.sha }}": "only ${{ github.run_id }}", "": "write runs-fleet, or",
	} {
		if _, err := forecast.ParseShare(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("label %s: error %v, want one that says %q", text, err, says)
		}
	}
}
