// Package view is what people and programs see of the fleet: the JSON of the REST API, which the dashboard and the command
// line use as well. It changes by addition only.
package view

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Job is one GitHub job.
type Job struct {
	Host        string   `json:"host" doc:"The GitHub host: github.com, or that of an Enterprise Server" example:"github.com"`
	ID          int64    `json:"id" doc:"GitHub's id of the job, unique within the host" example:"39201480004"`
	Run         int64    `json:"run" doc:"GitHub's id of the workflow run" example:"14220001"`
	Attempt     int      `json:"attempt,omitempty" doc:"The attempt of the run" example:"1"`
	Repository  string   `json:"repository" doc:"owner/name" example:"acme/shop"`
	Name        string   `json:"name,omitempty" doc:"The job's name, with the values of its matrix" example:"unit tests (linux)"`
	Workflow    string   `json:"workflow,omitempty" doc:"The workflow's name" example:"CI"`
	Branch      string   `json:"branch,omitempty" doc:"The branch or tag that the run is for" example:"main"`
	SHA         string   `json:"sha,omitempty" doc:"The commit that the run is for" example:"8f2c1e07ab34cd5590e1f6a7b8c9d0e1f2a3b4c5"`
	URL         string   `json:"url,omitempty" doc:"The job's page at GitHub" example:"https://github.com/acme/shop/actions/runs/14220001/job/39201480004"`
	Labels      []string `json:"labels" doc:"The labels of runs-on, as GitHub sent them" nullable:"false"`
	State       string   `json:"state" enum:"waiting,queued,in_progress,completed" doc:"waiting is held by GitHub, for an approval or another run; queued waits for a machine"`
	Conclusion  string   `json:"conclusion,omitempty" doc:"How the job ended, in GitHub's words" example:"success"`
	Environment string   `json:"environment,omitempty" doc:"The environment that its machines belong to" example:"default"`
	Runner      string   `json:"runner,omitempty" doc:"The runner that has or had the job" example:"rf-f1ee7000-0c41-1"`
	Machine     string   `json:"machine,omitempty" doc:"environment/region/id of the machine that has or had the job" example:"default/local/m-3f21"`
	Problem     *Problem `json:"problem,omitempty" doc:"Why the fleet refuses the job"`

	Created time.Time `json:"created" doc:"When GitHub made the job"`
	Queued  time.Time `json:"queued,omitzero" doc:"Since when it waits for a machine"`
	Started time.Time `json:"started,omitzero" doc:"When a runner took it, as GitHub says"`
	Ended   time.Time `json:"ended,omitzero" doc:"When it ended, as GitHub says"`
	// WaitedSeconds and RanSeconds spare programs the arithmetic; both count until now while they last.
	WaitedSeconds float64 `json:"waited_seconds" doc:"How long it waited for a machine, until now while it waits"`
	RanSeconds    float64 `json:"ran_seconds" doc:"How long it ran, until now while it runs"`
}

// Problem is why a job is refused.
type Problem struct {
	Title  string `json:"title" example:"The label has an unknown key"`
	Detail string `json:"detail" doc:"What is wrong, and a suggestion" example:"\"cpus\" is no key of a label; did you mean \"cpu\"?"`
}

// Entry is one line of a history.
type Entry struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind" doc:"A word that programs may rely on" example:"queued"`
	Text string    `json:"text" doc:"A sentence for people" example:"Learned from GitHub's webhook that the job is queued."`
}

// JobDetails is a job with all that is known of it.
type JobDetails struct {
	Job
	Why     string  `json:"why,omitempty" doc:"Why the job waits, in one sentence; absent once it runs"`
	History []Entry `json:"history" doc:"What happened to it, the oldest first" nullable:"false"`
}

// JobPage is part of a list of jobs.
type JobPage struct {
	Jobs []Job  `json:"jobs" nullable:"false"`
	Next string `json:"next,omitempty" doc:"The cursor of the next page; absent on the last"`
}

// Why is the answer to why a job waits.
type Why struct {
	Job    int64     `json:"job" example:"39201480004"`
	State  string    `json:"state" enum:"waiting,queued,in_progress,completed"`
	Reason string    `json:"reason" doc:"One sentence for people" example:"No machine could be launched for it since 2026-03-14 11:59:49 UTC: 4 of 4 runners of the environment are in use."`
	At     time.Time `json:"at" doc:"When this was so"`
}

// OfJob shows a job as it is at a time.
func OfJob(j fleet.Job, now time.Time) Job {
	out := Job{
		Host: j.ID.Host, ID: j.ID.ID, Run: j.Run, Attempt: j.Attempt, Repository: j.Repository.FullName(), Name: j.Name,
		Workflow: j.Workflow, Branch: j.Branch, SHA: j.HeadSHA, URL: j.URL, Labels: j.Labels, State: string(j.State),
		Conclusion: j.Conclusion, Environment: j.Environment, Runner: j.Runner, Machine: j.Machine,
		Created: j.Created, Queued: j.Queued, Started: j.Started, Ended: j.Ended,
	}
	if out.Labels == nil {
		out.Labels = []string{}
	}
	if j.Problem != nil {
		out.Problem = &Problem{Title: j.Problem.Title, Detail: j.Problem.Detail}
	}
	out.WaitedSeconds, out.RanSeconds = spans(j, now)
	return out
}

// spans is how long a job waited and ran. A job that ended without having started waited until its end.
func spans(j fleet.Job, now time.Time) (waited, ran float64) {
	end := now
	if !j.Ended.IsZero() {
		end = j.Ended
	}
	from := j.Queued
	if from.IsZero() {
		from = j.Created
	}
	if j.Started.IsZero() {
		return seconds(from, end), 0
	}
	return seconds(from, j.Started), seconds(j.Started, end)
}

// seconds is never negative: GitHub's clock and ours are two.
func seconds(from, to time.Time) float64 {
	if from.IsZero() || !to.After(from) {
		return 0
	}
	return to.Sub(from).Round(time.Millisecond).Seconds()
}
