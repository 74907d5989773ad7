package ingress

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// payloadOf finds the JSON in a body by its content type.
func payloadOf(contentType string, body []byte) ([]byte, error) {
	kind := contentType
	if kind != "application/json" { // as GitHub sends it: nothing to parse
		var err error
		if kind, _, err = mime.ParseMediaType(contentType); err != nil {
			return nil, fmt.Errorf("the content type %q cannot be read: %w", truncate(contentType), err)
		}
	}
	switch kind {
	case "application/json":
		return body, nil
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("the form cannot be read: %w", err)
		}
		if !form.Has("payload") {
			return nil, errors.New("the form has no field payload")
		}
		return []byte(form.Get("payload")), nil
	default:
		return nil, fmt.Errorf("the content type %q is not understood: set the webhook's to application/json", truncate(contentType))
	}
}

// workflowJob has the fields of a workflow_job delivery that are needed. Everything else is skipped, and what is absent,
// null, zero or empty means the same: old examples lack run_attempt, created_at, workflow_name and head_branch.
type workflowJob struct {
	Action string `json:"action"`
	Job    struct {
		ID          int64    `json:"id"`
		Run         int64    `json:"run_id"`
		Attempt     int      `json:"run_attempt"`
		Name        string   `json:"name"`
		Workflow    string   `json:"workflow_name"`
		HeadSHA     string   `json:"head_sha"`
		Branch      string   `json:"head_branch"`
		Labels      []string `json:"labels"`
		Status      string   `json:"status"`
		Conclusion  string   `json:"conclusion"`
		Created     stamp    `json:"created_at"`
		Started     stamp    `json:"started_at"`
		Completed   stamp    `json:"completed_at"`
		RunnerID    id       `json:"runner_id"`
		Runner      string   `json:"runner_name"`
		HTMLAddress string   `json:"html_url"`
	} `json:"workflow_job"`
	Repository struct {
		ID      int64  `json:"id"`
		Name    string `json:"name"`
		Private bool   `json:"private"`
		Owner   struct {
			Login string `json:"login"`
		} `json:"owner"`
	} `json:"repository"`
	Installation struct {
		ID int64 `json:"id"`
	} `json:"installation"`
}

// sightingOf reads a workflow_job payload. known is false for an action that means nothing to us.
func sightingOf(payload []byte, host, delivery string) (sighting fleet.Sighting, known bool, err error) {
	if small, ok := picked(payload); ok {
		payload = small
	}
	var p workflowJob
	if err = json.Unmarshal(payload, &p); err != nil {
		return sighting, false, fmt.Errorf("the payload cannot be read: %w", err)
	}
	if err = p.check(); err != nil {
		return sighting, false, err
	}
	state, known := stateOf(p.Action, p.Job.Status)
	sighting = fleet.Sighting{
		Job: p.Job.ID, Run: p.Job.Run, Attempt: p.Job.Attempt, State: state,
		Repository: fleet.Repository{
			Host: host, ID: p.Repository.ID, Owner: p.Repository.Owner.Login, Name: p.Repository.Name,
			Private: p.Repository.Private, Installation: p.Installation.ID,
		},
		Runner: p.Job.Runner, RunnerID: int64(p.Job.RunnerID), Labels: p.Job.Labels, Name: p.Job.Name, Workflow: p.Job.Workflow,
		HeadSHA: p.Job.HeadSHA, Branch: p.Job.Branch, URL: p.Job.HTMLAddress,
		Created: time.Time(p.Job.Created), Started: time.Time(p.Job.Started), Ended: time.Time(p.Job.Completed),
		Delivery: delivery,
	}
	if sighting.Created.IsZero() {
		sighting.Created = sighting.Started // set even while a job is queued
	}
	if state == fleet.JobCompleted {
		sighting.Conclusion = p.Job.Conclusion
	} else {
		sighting.Ended = time.Time{}
	}
	return sighting, known, nil
}

// check names the first field without which a delivery says nothing (failure mode A5: there may be no workflow_job at
// all). Ids are taken from their own fields, never from an address or a label (failure mode A6).
func (p *workflowJob) check() error {
	switch {
	case p.Action == "":
		return errors.New("the payload has no action")
	case p.Job.ID <= 0:
		return errors.New("the payload has no workflow_job.id")
	case p.Job.Run <= 0:
		return errors.New("the payload has no workflow_job.run_id")
	case p.Job.Attempt < 0:
		return errors.New("the payload's workflow_job.run_attempt is negative")
	case p.Repository.ID <= 0:
		return errors.New("the payload has no repository.id")
	case !isName(p.Repository.Owner.Login):
		return errors.New("the payload has no repository.owner.login, or it is not a name")
	case !isName(p.Repository.Name):
		return errors.New("the payload has no repository.name, or it is not a name")
	case p.Installation.ID < 0 || p.Job.RunnerID < 0:
		return errors.New("the payload has a negative id")
	default:
		return nil
	}
}

// stateOf maps an action and the status that came with it. The action is what happened; but a job behind an environment's
// protection, or a concurrency group, is announced as queued with the status that holds it back.
func stateOf(action, status string) (fleet.JobState, bool) {
	switch action {
	case "waiting":
		return fleet.JobWaiting, true
	case "queued":
		switch status {
		case "waiting", "pending", "requested":
			return fleet.JobWaiting, true
		default:
			return fleet.JobQueued, true
		}
	case "in_progress":
		return fleet.JobInProgress, true
	case "completed":
		return fleet.JobCompleted, true
	default:
		return "", false
	}
}

// isName reports whether a login or a repository's name can be part of a path.
func isName(s string) bool {
	const longest = 100 // GitHub's limit for repositories; logins are shorter
	if s == "" || len(s) > longest || s == "." || s == ".." {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// id is a number that may be null, empty or text.
type id int64

// UnmarshalJSON implements json.Unmarshaler.
func (i *id) UnmarshalJSON(b []byte) error {
	text := bytes.Trim(b, `"`)
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return fmt.Errorf("%s is not an id", truncate(string(b)))
	}
	*i = id(n)
	return nil
}

// stamp is a time that may be null, empty, ISO 8601 or seconds since 1970.
type stamp time.Time

// UnmarshalJSON implements json.Unmarshaler.
func (s *stamp) UnmarshalJSON(b []byte) error {
	text := bytes.Trim(b, `"`)
	switch {
	case len(text) == 0, string(text) == "null":
		return nil
	case bytes.IndexByte(text, 'T') > 0:
		var at time.Time
		if err := at.UnmarshalText(text); err != nil {
			return fmt.Errorf("%s is not a time", truncate(string(b)))
		}
		return s.set(at, b)
	default:
		seconds, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return fmt.Errorf("%s is not a time", truncate(string(b)))
		}
		return s.set(time.Unix(seconds, 0), b)
	}
}

// set refuses years that JSON has no form for: the event could not be stored.
func (s *stamp) set(at time.Time, b []byte) error {
	const lastYear = 9999
	at = at.UTC()
	if year := at.Year(); year < 1 || year > lastYear {
		return fmt.Errorf("%s is not a time", truncate(string(b)))
	}
	*s = stamp(at)
	return nil
}

// truncate keeps a stranger's text short in an answer.
func truncate(s string) string {
	const longest = 60
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
