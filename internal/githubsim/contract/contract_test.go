package contract_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/contract"
)

var github = sync.OnceValues(contract.Load)

func load(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := github()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answering is a server that gives one answer.
type answering struct {
	status int
	body   string
}

func (a answering) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body))
}

const (
	runnerJSON = `{"id":7,"name":"a","os":"unknown","status":"offline","busy":false,"labels":[{"name":"x"}]}`
	jitRequest = `{"name":"a","runner_group_id":1,"labels":["x"]}`
	jitPath    = "/repos/acme/shop/actions/runners/generate-jitconfig"
)

func TestWhatIsAcceptedAndAnsweredMustBeDescribed(t *testing.T) {
	jitAnswer := `{"runner":` + runnerJSON + `,"encoded_jit_config":"e30="}`
	tests := []struct {
		name, method, path, request string
		status                      int
		answer                      string
		violation                   string // part of the report; empty for none
	}{
		{"a described exchange", "POST", jitPath, jitRequest, 201, jitAnswer, ""},
		{"under the other root", "POST", "/api/v3" + jitPath, jitRequest, 201, jitAnswer, ""},
		{"labels are missing", "POST", jitPath, `{"name":"a","runner_group_id":1}`, 201, jitAnswer, "labels"},
		{"labels are missing, and it is refused", "POST", jitPath, `{"name":"a","runner_group_id":1}`, 422, `{"message":"no","documentation_url":"x"}`, ""},
		{"an answer without its runner", "POST", jitPath, jitRequest, 201, `{"encoded_jit_config":"e30="}`, "runner"},
		{"a number where text belongs", "GET", "/repos/acme/shop/actions/runners/7", "", 200, strings.Replace(runnerJSON, `"unknown"`, "5", 1), "os"},
		{"an unknown operation", "GET", "/repos/acme/shop/actions/walkers", "", 200, `{}`, "no such operation"},
		{"a literal segment wins over a parameter", "GET", "/repos/acme/shop/actions/runners/downloads", "", 200, `[]`, ""},
		{"contents in folders", "GET", "/repos/acme/shop/contents/.github/workflows/ci.yml?ref=main", "", 200, `{"type":"file"}`, "contents"},
		{"an unknown status filter", "GET", "/repos/acme/shop/actions/runs?status=sleeping", "", 200, `{"total_count":0,"workflow_runs":[]}`, "status"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var reports []string
			handler := load(t).Handler(answering{test.status, test.answer}, func(err error) { reports = append(reports, err.Error()) })
			request := httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.request))
			if test.request != "" {
				request.Header.Set("Content-Type", "application/json")
			}
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			report := strings.Join(reports, "\n")
			if test.violation == "" && report != "" || !strings.Contains(report, test.violation) {
				t.Errorf("report = %q, want one about %q", report, test.violation)
			}
			if recorder.Code != test.status || recorder.Body.String() != test.answer {
				t.Errorf("the answer changed: %d %s", recorder.Code, recorder.Body)
			}
		})
	}
}

func TestTransportFailsTheCallOfAClient(t *testing.T) {
	server := httptest.NewServer(answering{http.StatusOK, runnerJSON})
	defer server.Close()
	client := &http.Client{Transport: load(t).Transport(server.Client().Transport)}
	call := func(method, path, body string) error {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		content, err := io.ReadAll(response.Body)
		if err != nil || string(content) != runnerJSON {
			t.Errorf("body = %q, %v", content, err)
		}
		return response.Body.Close()
	}
	if err := call(http.MethodGet, "/repos/acme/shop/actions/runners/7", ""); err != nil {
		t.Errorf("a described call = %v", err)
	}
	if err := call(http.MethodPost, jitPath, `{"name":"a","runner_group_id":1,"labels":[]}`); err == nil {
		t.Error("a request with no labels must not be sent")
	}
	if err := call(http.MethodGet, "/repos/acme/shop/actions/runs", ""); err == nil {
		t.Error("an answer that is no list of runs must fail the call")
	}
	if err := call(http.MethodGet, "/nowhere", ""); !errors.Is(err, contract.ErrUndocumented) {
		t.Errorf("an unknown operation = %v", err)
	}
}

func TestWebhooksAreHeldToTheirSchema(t *testing.T) {
	file, err := contract.Find("webhooks-examples/api.github.com/index.json")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(content, &events); err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, event := range events {
		if event.Name != "workflow_job" {
			continue
		}
		for _, example := range event.Examples {
			if load(t).Webhook(event.Name, example) == nil {
				valid++
			}
		}
	}
	if valid < 5 {
		t.Errorf("only %d of GitHub's own examples of workflow_job are valid", valid)
	}
	if err := load(t).Webhook("workflow_job", []byte(`{"action":"queued","workflow_job":{}}`)); err == nil {
		t.Error("a workflow_job without its fields must not be valid")
	}
	if err := load(t).Webhook("workflow_job", []byte(`{"action":"slept"}`)); !errors.Is(err, contract.ErrUndocumented) {
		t.Errorf("an unknown action = %v", err)
	}
}
