package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

func get(t *testing.T, w *webtest.World, path string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.HTTP.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+webtest.Token)
	resp, err := w.HTTP.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func decode[T any](t *testing.T, body string) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return out
}

func TestTheDocumentIsOpenAPI31AndNamesEveryRoute(t *testing.T) { // failure mode K2
	w := webtest.New(t)
	_, body := get(t, w, "/api/v1/openapi.json")
	doc := decode[struct {
		OpenAPI  string                                `json:"openapi"`
		Paths    map[string]map[string]json.RawMessage `json:"paths"`
		Security []map[string][]string                 `json:"security"`
	}](t, body)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || len(doc.Security) == 0 {
		t.Errorf("openapi %s, security %v", doc.OpenAPI, doc.Security)
	}
	for _, r := range w.Web.Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if !strings.HasPrefix(path, "/api/v1/") || strings.Contains(path, "openapi") {
			continue
		}
		if _, ok := doc.Paths[path][strings.ToLower(method)]; !ok {
			t.Errorf("%s is not in the document", r.Pattern)
		}
	}
}

func TestAJobWithItsReasonAndHistory(t *testing.T) {
	w := webtest.New(t)
	w.PutJobs(t, webtest.Job(42, nil))
	for _, path := range []string{"/api/v1/jobs/42", "/api/v1/jobs/github.com/42"} {
		_, body := get(t, w, path)
		j := decode[view.JobDetails](t, body)
		if j.ID != 42 || j.Why == "" || len(j.History) != 1 || j.WaitedSeconds != 120 {
			t.Errorf("%s: %s", path, body)
		}
	}
	_, body := get(t, w, "/api/v1/jobs/42/why")
	if why := decode[view.Why](t, body); why.Reason == "" || !why.At.Equal(webtest.Noon()) {
		t.Error(body)
	}
}

func TestTheLogIsGitHubsOnceTheJobHasEndedAndTheAgentsWhileItRuns(t *testing.T) {
	w := webtest.New(t)
	m := webtest.Machine("m1", fleet.MachineWorking)
	m.Diagnostics = "Running job: build\n"
	w.PutMachines(t, m)
	w.PutJobs(t, webtest.Job(1, webtest.Running(m)), webtest.Job(2, webtest.Ended("success")), webtest.Job(3, nil), webtest.Job(4, webtest.Ended("cancelled")))
	w.SetLog(2, "all good\n")
	for _, tt := range []struct {
		job          string
		status       int
		source, text string
	}{
		{"1", http.StatusOK, "agent", "Running job: build\n"},
		{"2", http.StatusOK, "github", "all good\n"},
		{"3", http.StatusNotFound, "", "no log yet"},
		{"4", http.StatusBadGateway, "", "GitHub did not give"},
	} {
		resp, body := get(t, w, "/api/v1/jobs/"+tt.job+"/log")
		if resp.StatusCode != tt.status || resp.Header.Get("Log-Source") != tt.source || !strings.Contains(body, tt.text) {
			t.Errorf("job %s: %d from %q: %s", tt.job, resp.StatusCode, resp.Header.Get("Log-Source"), body)
		}
	}
}

func TestLogsOfMachinesOutliveTheirRows(t *testing.T) {
	w := webtest.New(t)
	lost := webtest.Machine("m1", fleet.MachineGone)
	lost.Archived, lost.Diagnostics = true, "in the row"
	w.PutMachines(t, lost)
	w.SetConsole("m1", "spot interruption")
	w.SetConsole("m9", "of a machine whose row is gone")
	w.SetMachineLog("m9", fleet.LogRunner, "its runner")
	_, body := get(t, w, "/api/v1/machines/default/local/m1")
	if m := decode[view.MachineDetails](t, body); m.Console != "spot interruption" {
		t.Error(body)
	}
	for path, want := range map[string]string{
		"m1/logs/runner": "in the row", "m1/logs/console": "spot interruption", "m9/logs/console": "of a machine whose row is gone", "m9/logs/runner": "its runner",
	} {
		if resp, body := get(t, w, "/api/v1/machines/default/local/"+path); resp.StatusCode != http.StatusOK || body != want {
			t.Errorf("%s: %d %s, want %q", path, resp.StatusCode, body, want)
		}
	}
	for path, want := range map[string]int{"m2/logs/runner": http.StatusNotFound, "m9/logs/worker": http.StatusUnprocessableEntity} {
		if resp, body := get(t, w, "/api/v1/machines/default/local/"+path); resp.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, body, want)
		}
	}
	w.Broken.Store(true)
	if resp, body := get(t, w, "/api/v1/machines/default/local/m9/logs/runner"); resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, "where it is kept") {
		t.Errorf("a store that does not answer: %d %s", resp.StatusCode, body)
	}
}

func TestAFailedMachineShowsWhatItPrinted(t *testing.T) { // failure mode G4
	w := webtest.New(t)
	failed := webtest.Machine("m1", fleet.MachineFailed)
	failed.Code = "BootTimeout"
	w.PutMachines(t, failed, webtest.Machine("m2", fleet.MachineReady))
	w.SetConsole("m1", "no space left")
	w.SetConsole("m2", "not asked for")
	_, body := get(t, w, "/api/v1/machines/default/local/m1")
	if m := decode[view.MachineDetails](t, body); m.Console != "no space left" || m.Reason != "BootTimeout" {
		t.Error(body)
	}
	_, body = get(t, w, "/api/v1/machines/default/local/m2")
	if m := decode[view.MachineDetails](t, body); m.Console != "" {
		t.Error(body)
	}
	_, body = get(t, w, "/api/v1/machines")
	if page := decode[view.MachinePage](t, body); len(page.Machines) != 1 || page.Machines[0].ID != "m2" {
		t.Error("live machines:", body)
	}
	_, body = get(t, w, "/api/v1/machines?ended=true")
	if page := decode[view.MachinePage](t, body); len(page.Machines) != 1 || page.Machines[0].ID != "m1" {
		t.Error("ended machines:", body)
	}
}

func TestErrorsAreProblems(t *testing.T) {
	w := webtest.New(t)
	for path, status := range map[string]int{
		"/api/v1/jobs/7": http.StatusNotFound, "/api/v1/jobs/7/why": http.StatusNotFound, "/api/v1/jobs/7/log": http.StatusNotFound,
		"/api/v1/jobs/x": http.StatusUnprocessableEntity, "/api/v1/jobs?state=running": http.StatusUnprocessableEntity,
		"/api/v1/jobs?limit=0": http.StatusUnprocessableEntity, "/api/v1/jobs?limit=1000": http.StatusUnprocessableEntity,
		"/api/v1/jobs?cursor=x": http.StatusUnprocessableEntity, "/api/v1/jobs?colour=red": http.StatusUnprocessableEntity,
		"/api/v1/machines/default/local/m7": http.StatusNotFound, "/api/v1/nothing": http.StatusNotFound,
	} {
		resp, body := get(t, w, path)
		if resp.StatusCode != status || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d: %s", path, resp.StatusCode, resp.Header.Get("Content-Type"), status, body)
		}
		p := decode[struct {
			Title  string
			Status int
			Detail string
		}](t, body)
		if p.Status != status || p.Detail == "" {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestNoAnswerIsKeptByCaches(t *testing.T) {
	w := webtest.New(t)
	resp, _ := get(t, w, "/api/v1/status")
	if !slices.Contains(resp.Header.Values("Cache-Control"), "no-store") {
		t.Error(resp.Header)
	}
}
