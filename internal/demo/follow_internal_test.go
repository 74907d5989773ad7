package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestObserve(t *testing.T) {
	t.Parallel()
	run := started{
		workflow: workflow{file: "ci.yml", expect: expectations{others: Success, jobs: map[string]Outcome{"typo": LabelError}}},
		run:      simclient.Run{ID: 7, SHA: "abc"},
	}
	failed := simclient.Report{Kind: "check_run", SHA: "abc", State: "failure", Title: "label error", Summary: "job typo has a typo"}
	status := simclient.Report{Kind: "status", SHA: "abc", State: "failure", Title: "unknown key"}
	tests := map[string]struct {
		job     simclient.Job
		reports []simclient.Report
		want    row
	}{
		"running": {
			simclient.Job{ID: 1, RunID: 7, Key: "build", Name: "build", Status: "in_progress", RunnerName: "r", StartedAt: noon.Add(-3 * time.Second), QueueWait: time.Second},
			nil,
			row{Workflow: "ci", Job: "build", Key: "build", RunID: 7, JobID: 1, Status: "in_progress", Runner: "r", Waited: time.Second, WaitedMS: 1000, Ran: 3 * time.Second, RanMS: 3000, Expected: Success},
		},
		"ended": {
			simclient.Job{ID: 1, RunID: 7, Key: "build", Name: "build", Status: "completed", Conclusion: "success", RunnerName: "r", StartedAt: noon.Add(-3 * time.Second), CompletedAt: noon.Add(-time.Second)},
			[]simclient.Report{failed, status},
			row{Workflow: "ci", Job: "build", Key: "build", RunID: 7, JobID: 1, Status: "completed", Runner: "r", Ran: 2 * time.Second, RanMS: 2000, Result: Success, Expected: Success},
		},
		"reported by a check that names it": {
			simclient.Job{ID: 1, RunID: 7, Key: "typo", Name: "typo", Status: "queued"},
			[]simclient.Report{failed},
			row{Workflow: "ci", Job: "typo", Key: "typo", RunID: 7, JobID: 1, Status: "queued", Result: LabelError, Expected: LabelError, Report: &report{Kind: "check_run", Commit: "abc", Title: "label error", Summary: "job typo has a typo"}},
		},
		"reported by a status": {
			simclient.Job{ID: 1, RunID: 7, Key: "typo", Name: "typo", Status: "completed", Conclusion: "cancelled"},
			[]simclient.Report{status},
			row{Workflow: "ci", Job: "typo", Key: "typo", RunID: 7, JobID: 1, Status: "completed", Result: LabelError, Expected: LabelError, Report: &report{Kind: "status", Commit: "abc", Title: "unknown key"}},
		},
		"a check about another job, commit or matter": {
			simclient.Job{ID: 1, RunID: 7, Key: "build", Name: "build", Status: "queued"},
			[]simclient.Report{failed, {Kind: "status", SHA: "other", State: "failure"}, {Kind: "check_run", SHA: "abc", State: "success", Title: "build"}},
			row{Workflow: "ci", Job: "build", Key: "build", RunID: 7, JobID: 1, Status: "queued", Expected: Success},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			others := []simclient.Job{{ID: 2, RunID: 8, Name: "of another run"}, test.job}
			if diff := cmp.Diff([]row{test.want}, observe([]started{run}, others, test.reports, noon)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
