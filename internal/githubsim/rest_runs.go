package githubsim

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// listRuns lists runs, newest first, with GitHub's filters; at most a thousand are reachable with a filter.
func (s *Simulator) listRuns(c *call) answer {
	query := c.r.URL.Query()
	var runs []*world.Run
	for _, run := range s.world.RunsOf(c.repository) {
		status := query.Get("status")
		if status != "" && status != string(run.Status) && status != string(run.Conclusion) {
			continue
		}
		if differs(query.Get("event"), run.EventName) || differs(query.Get("branch"), run.HeadBranch) ||
			differs(query.Get("head_sha"), run.Commit.SHA) || differs(query.Get("actor"), run.Actor) {
			continue
		}
		runs = append(runs, run)
	}
	const reachable = 1_000
	total := len(runs)
	shown, header := page(c, runs[:min(total, reachable)])
	list := make([]object, 0, len(shown))
	for _, run := range shown {
		list = append(list, c.render.run(run))
	}
	return answer{status: http.StatusOK, body: object{"total_count": total, "workflow_runs": list}, header: header}
}

func differs(wanted, value string) bool { return wanted != "" && wanted != value }

func (s *Simulator) runOf(c *call) *world.Run {
	if run := s.world.Run(pathID(c, "run")); run != nil && run.Repository == c.repository {
		return run
	}
	return nil
}

func (s *Simulator) jobOf(c *call) *world.Job {
	job := s.world.Job(pathID(c, "job"))
	if job == nil || s.world.Run(job.RunID).Repository != c.repository {
		return nil
	}
	return job
}

func (s *Simulator) getRun(c *call) answer {
	run := s.runOf(c)
	if run == nil {
		return notFound().answer()
	}
	return answer{status: http.StatusOK, body: c.render.run(run)}
}

func (s *Simulator) listRunJobs(c *call) answer {
	run := s.runOf(c)
	if run == nil {
		return notFound().answer()
	}
	filter := c.r.URL.Query().Get("filter")
	if filter != "all" {
		return renderJobs(c, run, s.world.JobsOf(run, run.Attempt))
	}
	var jobs []*world.Job
	for attempt := run.Attempt; attempt >= 1; attempt-- {
		jobs = append(jobs, s.world.JobsOf(run, attempt)...)
	}
	return renderJobs(c, run, jobs)
}

func (s *Simulator) listAttemptJobs(c *call) answer {
	run := s.runOf(c)
	attempt := int(pathID(c, "attempt"))
	if run == nil || attempt < 1 || attempt > run.Attempt {
		return notFound().answer()
	}
	return renderJobs(c, run, s.world.JobsOf(run, attempt))
}

func renderJobs(c *call, run *world.Run, jobs []*world.Job) answer {
	shown, header := page(c, jobs)
	list := make([]object, 0, len(shown))
	for _, job := range shown {
		list = append(list, c.render.job(run, job))
	}
	return answer{status: http.StatusOK, body: object{"total_count": len(jobs), "jobs": list}, header: header}
}

func (s *Simulator) getJob(c *call) answer {
	job := s.jobOf(c)
	if job == nil {
		return notFound().answer()
	}
	return answer{status: http.StatusOK, body: c.render.job(s.world.Run(job.RunID), job)}
}

// logLink is a link to a log that needs no authentication, for a minute as at GitHub.
type logLink struct {
	job     int64
	expires time.Time
}

func (s *Simulator) getJobLogs(c *call) answer {
	job := s.jobOf(c)
	if job == nil || job.Status != world.Completed {
		return notFound().answer()
	}
	token := s.random.Token(16)
	for old, link := range s.logs {
		if c.now.After(link.expires) {
			delete(s.logs, old)
		}
	}
	s.logs[token] = logLink{job: job.ID, expires: c.now.Add(time.Minute)}
	return answer{status: http.StatusFound, header: http.Header{"Location": {c.render.base + "/_logs/" + token}}}
}

func (s *Simulator) serveLog(w http.ResponseWriter, r *http.Request) {
	a := notFound().answer()
	s.locked(func(now time.Time) {
		link, ok := s.logs[r.PathValue("token")]
		if ok && now.Before(link.expires) {
			log := append([]byte{}, s.world.Job(link.job).Log...)
			a = answer{status: http.StatusOK, raw: log, header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
		}
	})
	s.write(w, a)
}

func rerunAnswer(err error) answer {
	switch {
	case err == nil:
		return answer{status: http.StatusCreated, body: object{}}
	case errors.Is(err, world.ErrNotOver):
		return (&apiError{status: http.StatusForbidden, message: "The workflow run containing this job is already running"}).answer()
	case errors.Is(err, world.ErrOldJob):
		return (&apiError{status: http.StatusForbidden, message: "Only jobs from the current attempt can be re-run"}).answer()
	default:
		return (&apiError{
			status:  http.StatusForbidden,
			message: "Unable to retry this workflow run because it was created over a month ago or was re-run too often",
		}).answer()
	}
}

func (s *Simulator) rerunRun(c *call) answer {
	run := s.runOf(c)
	if run == nil {
		return notFound().answer()
	}
	return rerunAnswer(s.world.Rerun(run, c.now))
}

func (s *Simulator) rerunFailed(c *call) answer {
	run := s.runOf(c)
	if run == nil {
		return notFound().answer()
	}
	return rerunAnswer(s.world.RerunFailed(run, c.now))
}

func (s *Simulator) rerunJob(c *call) answer {
	job := s.jobOf(c)
	if job == nil {
		return notFound().answer()
	}
	return rerunAnswer(s.world.RerunJob(job, c.now))
}

func (s *Simulator) cancelRun(c *call) answer      { return s.cancelWith(c, s.world.Cancel) }
func (s *Simulator) forceCancelRun(c *call) answer { return s.cancelWith(c, s.world.ForceCancel) }

// cancelWith ends a run in one of the two ways.
func (s *Simulator) cancelWith(c *call, end func(*world.Run, time.Time) error) answer {
	run := s.runOf(c)
	if run == nil {
		return notFound().answer()
	}
	if err := end(run, c.now); err != nil {
		return (&apiError{status: http.StatusConflict, message: "Cannot cancel a workflow run that is completed."}).answer()
	}
	return answer{status: http.StatusAccepted, body: object{}}
}

func (s *Simulator) listPendingDeployments(c *call) answer {
	run := s.runOf(c)
	if run == nil {
		return notFound().answer()
	}
	list := []object{}
	for _, e := range s.world.PendingEnvironments(run) {
		list = append(list, object{
			"environment": c.render.environment(c.repository, e), "wait_timer": 0, "wait_timer_started_at": nil,
			"current_user_can_approve": true, "reviewers": []object{},
		})
	}
	return answer{status: http.StatusOK, body: list}
}

func (s *Simulator) reviewDeployments(c *call) answer {
	run := s.runOf(c)
	if run == nil {
		return notFound().answer()
	}
	var request struct {
		EnvironmentIDs []int64 `json:"environment_ids"`
		State          string  `json:"state"`
		Comment        *string `json:"comment"`
	}
	invalid := json.Unmarshal(c.body, &request) != nil || request.Comment == nil || len(request.EnvironmentIDs) == 0
	if invalid || request.State != "approved" && request.State != "rejected" {
		return (&apiError{status: http.StatusUnprocessableEntity, message: "Invalid request. environment_ids, state and comment are required."}).answer()
	}
	pending := s.world.PendingEnvironments(run)
	if s.world.Review(run, request.EnvironmentIDs, request.State == "approved", c.now) == 0 {
		return (&apiError{status: http.StatusUnprocessableEntity, message: "There are no pending deployment requests to approve or reject"}).answer()
	}
	list := []object{}
	for _, e := range pending {
		for _, id := range request.EnvironmentIDs {
			if e.ID == id {
				list = append(list, c.render.deployment(run, e))
			}
		}
	}
	return answer{status: http.StatusOK, body: list}
}
