package runner

import (
	"encoding/json"
	"time"
)

// Definition is one job as GitHub hands it to a runner.
type Definition struct {
	ID           int64             `json:"id"`
	RunID        int64             `json:"run_id"`
	Attempt      int               `json:"attempt"`
	Name         string            `json:"name"`
	WorkflowPath string            `json:"workflow_path"`
	Workflow     string            `json:"workflow"` // the whole file
	Job          string            `json:"job"`      // the job's key in the file
	Matrix       map[string]any    `json:"matrix"`
	Strategy     map[string]any    `json:"strategy"`
	Needs        map[string]Need   `json:"needs"`
	EventName    string            `json:"event_name"`
	Event        json.RawMessage   `json:"event"`
	Ref          string            `json:"ref"`
	SHA          string            `json:"sha"`
	Repository   string            `json:"repository"` // owner/name
	Actor        string            `json:"actor"`
	ServerURL    string            `json:"server_url"`
	Secrets      map[string]string `json:"secrets"`
	Vars         map[string]string `json:"vars"`
}

// Need is the result of a job that this one needs.
type Need struct {
	Result  string            `json:"result"`
	Outputs map[string]string `json:"outputs"`
}

// Conclusions of jobs and steps, as GitHub names them.
const (
	Success   = "success"
	Failure   = "failure"
	Cancelled = "cancelled"
	Skipped   = "skipped"
)

// Step is one step of a finished job.
type Step struct {
	Name        string     `json:"name"`
	Conclusion  string     `json:"conclusion"`
	StartedAt   *time.Time `json:"started_at,omitempty"`
	CompletedAt *time.Time `json:"completed_at,omitempty"`
}

// Result is what became of a job.
type Result struct {
	Conclusion string            `json:"conclusion"`
	Outputs    map[string]string `json:"outputs"`
	Steps      []Step            `json:"steps"`
}

// order is what the listener writes to the worker.
type order struct {
	Root       string     `json:"root"`
	Runner     string     `json:"runner"`
	WorkFolder string     `json:"work_folder"`
	Definition Definition `json:"definition"`
}

// report is one line that the worker writes to the listener: a piece of the log, or, last, the result.
type report struct {
	Log    string  `json:"log,omitempty"`
	Result *Result `json:"result,omitempty"`
}
