package api

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/runs-fleet/runs-fleet/internal/web/problem"
)

// description introduces the document.
const description = `What the fleet does. The dashboard and the command line use the same API.

**Login.** Programs send a token as bearer: that of server.json in the data directory, or one of api_tokens_file. Browsers have
a session.

**Errors** are RFC 9457 problems (application/problem+json); detail says what to do.

**Lists** are paged, the newest first. Pass next of one page as cursor of the following; the last page has no next. With
filters, a page may have fewer entries than its limit, even none, and still have a next.

**Times** are RFC 3339 in UTC. Fields are added over time, never removed; ignore those that you do not know.`

// The groups of operations.
const (
	tagJobs     = "Jobs"
	tagMachines = "Machines"
	tagFleet    = "Fleet"
	tagQueue    = "Queue"
)

func tags() []*huma.Tag {
	return []*huma.Tag{
		{Name: tagJobs, Description: "Jobs of GitHub Actions that asked for this fleet"},
		{Name: tagMachines, Description: "Machines and their registrations as runners"},
		{Name: tagFleet, Description: "The fleet as a whole"},
		{Name: tagQueue, Description: "Messages that could not be applied"},
	}
}

// operation is what the document says of one.
type operation struct {
	id, tag, path, summary, description string
	errors                              []int // besides those that every operation has
}

func (o operation) get() huma.Operation {
	return o.with(http.MethodGet, http.StatusOK)
}

func (o operation) post(status int) huma.Operation {
	return o.with(http.MethodPost, status)
}

func (o operation) with(method string, status int) huma.Operation {
	return huma.Operation{
		OperationID: o.id, Method: method, Path: Prefix + o.path, Summary: o.summary, Description: o.description, Tags: []string{o.tag},
		DefaultStatus: status,
		Errors: append([]int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusInternalServerError,
			http.StatusServiceUnavailable,
		}, o.errors...),
	}
}

// text makes an operation answer with plain text.
func text(o huma.Operation, what, example string) huma.Operation {
	o.Responses = map[string]*huma.Response{strconv.Itoa(http.StatusOK): {
		Description: what,
		Headers: map[string]*huma.Param{"Log-Source": {
			Description: "github: the job's log; agent: the end of what the runner on the machine says",
			Schema:      &huma.Schema{Type: huma.TypeString, Enum: []any{"github", "agent"}},
		}},
		Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}, Example: example}},
	}}
	return o
}

// exemplify gives every error of the document an example.
func exemplify(a huma.API) {
	for _, item := range a.OpenAPI().Paths {
		for _, o := range []*huma.Operation{item.Get, item.Post} {
			if o == nil {
				continue
			}
			for code, response := range o.Responses {
				status, err := strconv.Atoi(code)
				if m := response.Content[problem.ContentType]; err == nil && m != nil {
					m.Example = problem.Problem{Title: http.StatusText(status), Status: status, Detail: exampleOf(status)}
				}
			}
		}
	}
}

func exampleOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "log in: programs send the token of server.json in the data directory as bearer, browsers use the address that runs-fleet login prints"
	case http.StatusForbidden:
		return "requests from pages of other origins are refused"
	case http.StatusNotFound:
		return "job 42 of github.com: not found"
	case http.StatusUnprocessableEntity:
		return "validation failed"
	case http.StatusBadGateway:
		return "GitHub did not give the job's log: a job that never ran has none, and old logs are deleted; the server's log has GitHub's answer"
	case http.StatusServiceUnavailable:
		return "the request ended before its answer was ready"
	default:
		return "the server could not answer; its log says why"
	}
}
