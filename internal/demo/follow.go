package demo

import (
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

// row is one job in the table.
type row struct {
	Workflow string        `json:"workflow"`
	Job      string        `json:"job"`
	Key      string        `json:"key"`
	RunID    int64         `json:"run_id"`
	JobID    int64         `json:"job_id"`
	Status   string        `json:"status"`
	Waited   time.Duration `json:"-"`
	Ran      time.Duration `json:"-"`
	WaitedMS int64         `json:"waited_ms"`
	RanMS    int64         `json:"ran_ms"`
	Runner   string        `json:"runner,omitempty"`
	Result   Outcome       `json:"result,omitempty"` // empty until it ended
	Expected Outcome       `json:"expected"`
	Report   *report       `json:"report,omitempty"` // about its label, on the commit
}

// report is what the server wrote on a commit.
type report struct {
	Kind    string `json:"kind"`
	Commit  string `json:"commit"`
	Title   string `json:"title"`
	Summary string `json:"summary"`
}

// ended tells whether the job is over.
func (r row) ended() bool { return r.Result != "" }

// asExpected tells whether it ended as its workflow says.
func (r row) asExpected() bool { return r.Result == r.Expected }

// started is a workflow with its run.
type started struct {
	workflow
	run simclient.Run
}

// observe makes the table's rows of what GitHub shows. The jobs of a workflow stay in GitHub's order.
func observe(runs []started, jobs []simclient.Job, reports []simclient.Report, now time.Time) []row {
	var rows []row
	for _, s := range runs {
		for _, job := range jobs {
			if job.RunID == s.run.ID {
				rows = append(rows, observeJob(s, job, reports, now))
			}
		}
	}
	return rows
}

func observeJob(s started, job simclient.Job, reports []simclient.Report, now time.Time) row {
	r := row{
		Workflow: strings.TrimSuffix(s.file, ".yml"), Job: job.Name, Key: job.Key, RunID: job.RunID, JobID: job.ID, Status: job.Status,
		Runner: job.RunnerName, Expected: s.expect.of(job.Key), Waited: job.QueueWait,
	}
	if !job.StartedAt.IsZero() && job.RunnerName != "" {
		end := job.CompletedAt
		if end.IsZero() {
			end = now
		}
		r.Ran = end.Sub(job.StartedAt)
	}
	if job.Status == "completed" {
		r.Result = Outcome(job.Conclusion)
	}
	if job.RunnerName == "" {
		if r.Report = reportOn(s.run.SHA, job, reports); r.Report != nil {
			r.Result = LabelError
		}
	}
	r.WaitedMS, r.RanMS = r.Waited.Milliseconds(), r.Ran.Milliseconds()
	return r
}

// reportOn finds what was written on the job's commit because of its label: a failed check that names the job, or, from a
// person's token, a failed status, which is too short to name it.
func reportOn(commit string, job simclient.Job, reports []simclient.Report) *report {
	at := slices.IndexFunc(reports, func(r simclient.Report) bool {
		if r.SHA != commit || !slices.Contains([]string{"failure", "error", "action_required"}, r.State) {
			return false
		}
		return r.Kind == "status" || strings.Contains(r.Title+r.Summary+r.Text, job.Name)
	})
	if at < 0 {
		return nil
	}
	r := reports[at]
	if r.Title == "" {
		r.Title = r.Summary
	}
	return &report{Kind: r.Kind, Commit: r.SHA, Title: r.Title, Summary: r.Summary}
}
