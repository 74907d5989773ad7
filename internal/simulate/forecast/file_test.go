package forecast_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

func TestReadJobs(t *testing.T) {
	want := []forecast.Job{
		{At: 0, Runs: 90 * time.Second, Labels: []string{"runs-fleet/cpu=4"}},
		{At: 10 * time.Minute, Runs: 5 * time.Minute, Labels: []string{"self-hosted", "runs-fleet"}},
	}
	for name, text := range map[string]string{
		"what jobs --output json prints": `{"jobs": [
			{"id": 2, "state": "completed", "labels": ["self-hosted", "runs-fleet"], "created": "2026-03-02T09:10:00Z", "queued": "2026-03-02T09:10:30Z",
			 "started": "2026-03-02T09:11:00Z", "ended": "2026-03-02T09:16:00Z", "ran_seconds": 300},
			{"id": 3, "state": "queued", "labels": ["runs-fleet"], "created": "2026-03-02T09:11:00Z"},
			{"id": 4, "state": "completed", "conclusion": "cancelled", "labels": ["runs-fleet"], "created": "2026-03-02T09:11:00Z", "ended": "2026-03-02T09:16:00Z"},
			{"id": 1, "state": "completed", "labels": ["runs-fleet/cpu=4"], "created": "2026-03-02T09:00:30Z",
			 "started": "2026-03-02T09:01:00Z", "ended": "2026-03-02T09:02:30Z", "ran_seconds": 90}]}`,
		"a list": `[{"labels": ["self-hosted", "runs-fleet"], "created": "2026-03-02T09:10:30Z", "ended": "2026-03-02T09:16:00Z", "ran_seconds": 300},
			{"labels": ["runs-fleet/cpu=4"], "created": "2026-03-02T09:00:30Z", "ended": "2026-03-02T09:02:30Z", "ran_seconds": 90}]`,
		"CSV": "\xef\xbb\xbfcreated, duration, labels\n# a comment\n2026-03-02T10:10:30+01:00, 300, self-hosted runs-fleet\n2026-03-02T09:00:30Z, 1m30s, runs-fleet/cpu=4\n",
	} {
		past, err := forecast.ReadJobs([]byte(text), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, past.Jobs); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if left := 2 * strings.Count(text, `"queued",`); past.LeftOut != left {
			t.Errorf("%s: %d jobs are left out, want %d", name, past.LeftOut, left)
		}
	}
}

func TestReadJobsWithOtherLabels(t *testing.T) {
	past, err := forecast.ReadJobs([]byte("labels,created,duration\nubuntu-latest,2026-03-02T09:00:30Z,60\n,2026-03-02T09:00:31Z,60\n"), []string{"runs-fleet/cpu=8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range past.Jobs {
		if diff := cmp.Diff([]string{"runs-fleet/cpu=8"}, j.Labels); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWrongFiles(t *testing.T) {
	for text, says := range map[string]string{
		"":                                 "whose first line is created,duration,labels",
		"a,b\n1,2\n":                       "whose first line is created,duration,labels",
		"{":                                "reading it as JSON",
		`{"jobs": []}`:                     "no job that has ended",
		`[{"labels": ["runs-fleet"]}]`:     `neither "queued" nor "created"`,
		"created,duration\nyesterday,60\n": "line 2: created is a moment such as",
		"created,duration\n2026-03-02T09:00:30Z,long\n":                        "line 2: duration is a number of seconds",
		"created,duration\n2026-03-02T09:00:30Z,-5\n":                          "line 2: duration is a number of seconds",
		"created,duration\n2026-03-02T09:00:30Z\n":                             "wrong number of fields",
		"created,duration,labels\n2026-03-02T09:00:30Z,5,ubuntu-latest\n":      "line 2, labels ubuntu-latest: no label",
		"created,duration,labels\n2026-03-02T09:00:30Z,5,runs-fleet/cpx=1\n":   "did you mean cpu=1?",
		"created,duration\n2026-03-02T09:00:30Z,60\n2026-06-02T09:00:30Z,60\n": "more than two months",
	} {
		if _, err := forecast.ReadJobs([]byte(text), nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want one that says %q", text, err, says)
		}
	}
}

func FuzzReadJobs(f *testing.F) {
	f.Add([]byte("created,duration,labels\n2026-03-02T09:00:30Z,60,runs-fleet\n"))
	f.Add([]byte(`{"jobs":[{"labels":["runs-fleet"],"created":"2026-03-02T09:10:00Z","ended":"2026-03-02T09:16:00Z","ran_seconds":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		past, err := forecast.ReadJobs(data, nil)
		if err != nil {
			return
		}
		for i, j := range past.Jobs {
			if j.At < 0 || j.Runs < 0 || j.Runs > forecast.LongestJob || len(j.Labels) == 0 || i > 0 && j.At < past.Jobs[i-1].At {
				t.Errorf("job %d of %q: %+v", i, data, j)
			}
		}
	})
}
