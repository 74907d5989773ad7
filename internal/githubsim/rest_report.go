package githubsim

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

// Report is a check run or a commit status that somebody created.
type Report = simclient.Report

const (
	maxSummary     = 65_535 // characters, GitHub's documentation
	maxAnnotations = 50     // a call, GitHub's documentation
	maxStatuses    = 1_000  // of one sha and context, GitHub's documentation
)

type checkRunRequest struct {
	Name        string     `json:"name"`
	HeadSHA     string     `json:"head_sha"`
	Status      string     `json:"status"`
	Conclusion  string     `json:"conclusion"`
	DetailsURL  *string    `json:"details_url"`
	ExternalID  *string    `json:"external_id"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title       string            `json:"title"`
		Summary     *string           `json:"summary"`
		Text        *string           `json:"text"`
		Annotations []json.RawMessage `json:"annotations"`
	} `json:"output"`
}

func (r checkRunRequest) check() string {
	conclusions := map[string]bool{
		"action_required": true, "cancelled": true, "failure": true, "neutral": true, "success": true, "skipped": true, "stale": true, "timed_out": true,
	}
	switch {
	case r.Name == "" || r.HeadSHA == "":
		return `Invalid request. "name" and "head_sha" are required.`
	case r.Status == "completed" && r.Conclusion == "":
		return `Invalid request. "conclusion" is required when "status" is "completed".`
	case r.Conclusion != "" && !conclusions[r.Conclusion]:
		return `Invalid request. "conclusion" is unknown.`
	case r.Output != nil && r.Output.Summary == nil:
		return `Invalid request. "summary" wasn't supplied.`
	case r.Output != nil && len([]rune(*r.Output.Summary)) > maxSummary:
		return `Invalid request. "summary" is longer than 65535 characters.`
	case r.Output != nil && len(r.Output.Annotations) > maxAnnotations:
		return `Invalid request. No more than 50 annotations are allowed.`
	default:
		return ""
	}
}

func (s *Simulator) createCheckRun(c *call) answer {
	var request checkRunRequest
	if json.Unmarshal(c.body, &request) != nil {
		return (&apiError{status: http.StatusBadRequest, message: "Problems parsing JSON"}).answer()
	}
	if problem := request.check(); problem != "" {
		return invalid(problem).answer()
	}
	commit := c.repository.Resolve(request.HeadSHA)
	if commit == nil || commit.SHA != request.HeadSHA {
		return invalid("No commit found for SHA: " + request.HeadSHA).answer()
	}
	report := Report{
		ID: s.world.NextID(), Kind: "check_run", Repository: c.repository.FullName(), SHA: commit.SHA, Name: request.Name,
		State: request.Conclusion, At: c.now,
	}
	output := object{"title": nil, "summary": nil, "text": nil, "annotations_count": 0}
	if request.Output != nil {
		report.Title, report.Summary = request.Output.Title, *request.Output.Summary
		output["title"], output["summary"] = report.Title, report.Summary
		output["annotations_count"] = len(request.Output.Annotations)
		if request.Output.Text != nil {
			report.Text = *request.Output.Text
			output["text"] = report.Text
		}
	}
	if request.DetailsURL != nil {
		report.URL = *request.DetailsURL
	}
	s.reports = append(s.reports, report)
	return answer{status: http.StatusCreated, body: s.renderCheckRun(c, request, report, output)}
}

func (s *Simulator) renderCheckRun(c *call, request checkRunRequest, report Report, output object) object {
	url := c.render.api("/repos/" + c.repository.FullName() + "/check-runs/" + itoa(report.ID))
	output["annotations_url"] = url + "/annotations"
	status := request.Status
	if request.Conclusion != "" {
		status = "completed"
	}
	if status == "" {
		status = "queued"
	}
	rendered := object{
		"id": report.ID, "node_id": nodeID("CheckRun", report.ID), "head_sha": report.SHA, "external_id": nil, "url": url,
		"html_url":    c.render.base + "/" + c.repository.FullName() + "/runs/" + itoa(report.ID),
		"details_url": orNull(report.URL), "status": status, "conclusion": orNull(report.State), "started_at": stamp(c.now), "completed_at": nil,
		"output": output, "name": report.Name, "check_suite": object{"id": report.ID}, "app": nil, "pull_requests": []any{},
	}
	if s.app != nil {
		rendered["app"] = s.renderApp(c)
	}
	if request.ExternalID != nil {
		rendered["external_id"] = *request.ExternalID
	}
	if request.StartedAt != nil {
		rendered["started_at"] = stamp(*request.StartedAt)
	}
	if status == "completed" {
		rendered["completed_at"] = stamp(c.now)
		if request.CompletedAt != nil {
			rendered["completed_at"] = stamp(*request.CompletedAt)
		}
	}
	return rendered
}

func (s *Simulator) createStatus(c *call) answer {
	var request struct {
		State       string  `json:"state"`
		TargetURL   *string `json:"target_url"`
		Description *string `json:"description"`
		Context     string  `json:"context"`
	}
	if json.Unmarshal(c.body, &request) != nil {
		return (&apiError{status: http.StatusBadRequest, message: "Problems parsing JSON"}).answer()
	}
	switch request.State {
	case "error", "failure", "pending", "success":
	default:
		return statusInvalid("state").answer()
	}
	commit := c.repository.Resolve(c.r.PathValue("sha"))
	if commit == nil {
		return (&apiError{status: http.StatusUnprocessableEntity, message: "No commit found for SHA: " + c.r.PathValue("sha"), errors: []object{}}).answer()
	}
	const longestDescription = 140
	if request.Description != nil && len([]rune(*request.Description)) > longestDescription {
		return statusInvalid("description").answer()
	}
	if request.Context == "" {
		request.Context = "default"
	}
	report := Report{
		ID: s.world.NextID(), Kind: "status", Repository: c.repository.FullName(), SHA: commit.SHA, Name: request.Context, State: request.State, At: c.now,
	}
	if request.Description != nil {
		report.Title = *request.Description
	}
	if request.TargetURL != nil {
		report.URL = *request.TargetURL
	}
	if s.statuses(report) >= maxStatuses {
		return statusInvalid("context").answer()
	}
	s.reports = append(s.reports, report)
	url := c.render.api("/repos/" + report.Repository + "/statuses/" + report.SHA)
	return answer{status: http.StatusCreated, header: http.Header{"Location": {url}}, body: object{
		"url": url, "avatar_url": nil, "id": report.ID, "node_id": nodeID("StatusContext", report.ID), "state": report.State,
		"description": orNull(report.Title), "target_url": orNull(report.URL), "context": report.Name, "created_at": stamp(c.now),
		"updated_at": stamp(c.now), "creator": c.render.login(c.who.login),
	}}
}

func statusInvalid(field string) *apiError {
	return &apiError{
		status: http.StatusUnprocessableEntity, message: "Validation Failed",
		errors: []object{{"resource": "Status", "code": "custom", "field": field, "message": field + " is not acceptable"}},
	}
}

func (s *Simulator) statuses(r Report) int {
	count := 0
	for _, other := range s.reports {
		if other.Kind == r.Kind && other.Repository == r.Repository && other.SHA == r.SHA && other.Name == r.Name {
			count++
		}
	}
	return count
}
