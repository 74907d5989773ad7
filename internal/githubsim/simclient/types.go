// Package simclient talks to the control endpoints of the simulated GitHub: what a person at github.com would do or see.
// The demo and the end-to-end tests use it.
package simclient

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// Run is a workflow run as the control endpoints show it.
type Run struct {
	ID         int64     `json:"id"`
	Repository string    `json:"repository"`
	Workflow   string    `json:"workflow"` // path of the file
	Name       string    `json:"name"`
	Number     int       `json:"number"`
	Attempt    int       `json:"attempt"`
	Event      string    `json:"event"`
	SHA        string    `json:"sha"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	// WaitsFor are the protected environments that need an approval.
	WaitsFor []string `json:"waits_for,omitempty"`
}

// Job is a job of a run's latest attempt.
type Job struct {
	ID          int64             `json:"id"`
	RunID       int64             `json:"run_id"`
	Attempt     int               `json:"attempt"`
	Repository  string            `json:"repository"`
	Key         string            `json:"key"`
	Name        string            `json:"name"`
	Labels      []string          `json:"labels"`
	Status      string            `json:"status"`
	Conclusion  string            `json:"conclusion"`
	RunnerID    int64             `json:"runner_id"`
	RunnerName  string            `json:"runner_name"`
	Outputs     map[string]string `json:"outputs,omitempty"`
	Missed      int               `json:"missed"` // assignments that no runner acknowledged
	QueuedAt    time.Time         `json:"queued_at"`
	StartedAt   time.Time         `json:"started_at"`   // zero until a runner has it
	CompletedAt time.Time         `json:"completed_at"` // zero until it ended
	// QueueWait is how long it was queued before a runner had it, or until now.
	QueueWait time.Duration `json:"queue_wait"`
}

// Registration is a runner that the simulated GitHub knows.
type Registration struct {
	ID        int64    `json:"id"`
	Scope     string   `json:"scope"` // owner/name, or an organisation
	Name      string   `json:"name"`
	Labels    []string `json:"labels"`
	Group     string   `json:"group"`
	Online    bool     `json:"online"`
	Ephemeral bool     `json:"ephemeral"`
	Foreign   bool     `json:"foreign"`
	JobID     int64    `json:"job_id"` // assigned to it or run by it; 0 when idle
}

// File is a change of one file on a branch.
type File struct {
	Repository string `json:"repository"` // owner/name
	Path       string `json:"path"`
	Content    string `json:"content"` // empty removes the file
	Branch     string `json:"branch"`  // the default branch when empty
	Message    string `json:"message"`
}

// Dispatch starts a run.
type Dispatch struct {
	world.Trigger

	Repository string `json:"repository"`
	Path       string `json:"path"` // of the workflow file
}

// Foreign is a runner that is not the fleet's.
type Foreign struct {
	Scope  string   `json:"scope"` // owner/name, or an organisation
	Name   string   `json:"name"`
	Labels []string `json:"labels"`
}

// Steal gives a queued job to a foreign runner.
type Steal struct {
	Job        int64          `json:"job"`
	Runner     string         `json:"runner"`
	Duration   world.Duration `json:"duration"`   // that it takes
	Conclusion string         `json:"conclusion"` // success when empty
}

// Review answers the deployments that a run waits for.
type Review struct {
	Run         int64  `json:"run"`
	Environment string `json:"environment"` // all when empty
	Reject      bool   `json:"reject"`
}

// Delivery is one attempt to deliver a webhook.
type Delivery struct {
	ID         int64     `json:"id"`
	GUID       string    `json:"guid"`
	Event      string    `json:"event"`
	Action     string    `json:"action"`
	Redelivery bool      `json:"redelivery"`
	At         time.Time `json:"at"`
	StatusCode int       `json:"status_code"`
	Status     string    `json:"status"`
	Body       []byte    `json:"body"` // as it was signed
}

// Report is a check run or a commit status that somebody created.
type Report struct {
	ID         int64     `json:"id"`
	Kind       string    `json:"kind"` // check_run or status
	Repository string    `json:"repository"`
	SHA        string    `json:"sha"`
	Name       string    `json:"name"`  // of the check, or the context of the status
	State      string    `json:"state"` // conclusion, or the state of the status
	Title      string    `json:"title"`
	Summary    string    `json:"summary"`
	URL        string    `json:"url"`
	Text       string    `json:"text"`
	At         time.Time `json:"at"`
}
