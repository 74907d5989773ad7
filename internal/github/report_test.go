package github_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/github"
)

const (
	checksOfCommit = "GET /repos/octo-org/app/commits/" + sha + "/check-runs"
	createCheck    = "POST /repos/octo-org/app/check-runs"
	createStatus   = "POST /repos/octo-org/app/statuses/" + sha
)

func report() controller.CommitReport {
	return controller.CommitReport{
		Repository: repo(), SHA: sha, Title: "unknown key cpus", Summary: "`cpus` is not a key; did you mean `cpu`?",
		URL: "https://fleet.example/jobs/5", Failed: true,
	}
}

func TestReportAsCheckRun(t *testing.T) {
	h := newHub(t)
	h.issuesTokens()
	h.on(checksOfCommit, always(200, `{"total_count":1,"check_runs":[{"id":8,"external_id":"someone else's"}]}`))
	h.on(createCheck, always(201, `{"id":9}`))
	h.on("PATCH /repos/octo-org/app/check-runs/9", always(200, `{"id":9}`))
	c := h.client(asApp)
	r := report()
	if err := c.Report(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	created := decode[map[string]any](t, h.requests(createCheck)[0].Body)
	id, _ := created["external_id"].(string)
	if !strings.HasPrefix(id, "runs-fleet:") {
		t.Errorf("external id %q", id)
	}
	want := map[string]any{
		"name": "runs-fleet", "head_sha": sha, "status": "completed", "conclusion": "failure", "external_id": id,
		"details_url": "https://fleet.example/jobs/5",
		"output":      map[string]any{"title": "unknown key cpus", "summary": "`cpus` is not a key; did you mean `cpu`?"},
	}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Errorf("check run (-want +got):\n%s", diff)
	}
	tokens := h.requests("access_tokens")
	if len(tokens) != 1 || tokens[0].Body != `{"repository_ids":[31],"permissions":{"checks":"write","metadata":"read"}}` {
		t.Errorf("tokens asked for: %+v", tokens)
	}

	// The same finding of another job brings the check run up to date.
	r.Summary, r.URL = "two jobs", "javascript:alert(1)"
	if err := c.Report(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	updated := decode[map[string]any](t, h.requests("PATCH")[0].Body)
	if _, has := updated["details_url"]; has || updated["external_id"] != id {
		t.Errorf("update %v", updated)
	}
	if n := len(h.requests(createCheck)); n != 1 {
		t.Errorf("%d check runs of one finding", n)
	}

	// Another process finds it at GitHub.
	h2 := newHub(t)
	h2.issuesTokens()
	h2.on(checksOfCommit, always(200, `{"total_count":1,"check_runs":[{"id":9,"external_id":"`+id+`"}]}`))
	h2.on("PATCH /repos/octo-org/app/check-runs/9", always(200, `{"id":9}`))
	if err := h2.client(asApp).Report(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func TestAReportIsMadeThoughAnEarlierOneCannotBeFound(t *testing.T) {
	h := newHub(t)
	h.issuesTokens()
	h.on(checksOfCommit, always(403, `{"message":"Resource not accessible by integration"}`))
	h.on(createCheck, always(201, `{"id":9}`))
	c := h.client(asApp)
	for range 2 { // the second finds that the first one's check run is gone
		if err := c.Report(t.Context(), report()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(h.requests(createCheck)); n != 2 {
		t.Errorf("%d check runs, want 2", n)
	}
}

func TestAReportThatIsOnlyANote(t *testing.T) {
	h := newHub(t)
	h.issuesTokens()
	h.on(checksOfCommit, always(200, `{"total_count":0,"check_runs":[]}`))
	h.on(createCheck, always(201, `{"id":9}`))
	r := report()
	r.Failed, r.Summary = false, ""
	if err := h.client(asApp).Report(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	body := decode[struct {
		Conclusion string
		Output     struct{ Summary string }
	}](t, h.requests(createCheck)[0].Body)
	if body.Conclusion != "neutral" || body.Output.Summary != r.Title {
		t.Errorf("%+v", body)
	}
}

func TestReportAsStatus(t *testing.T) {
	h := newHub(t)
	h.on(createStatus, always(201, `{"id":1}`))
	r := report()
	r.Title = strings.Repeat("größer als erlaubt\n", 20)
	if err := h.client().Report(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	got := decode[map[string]string](t, h.requests(createStatus)[0].Body)
	if got["state"] != "failure" || got["context"] != "runs-fleet" || got["target_url"] != r.URL {
		t.Errorf("status %v", got)
	}
	if n := utf8.RuneCountInString(got["description"]); n != 140 || !utf8.ValidString(got["description"]) || strings.Contains(got["description"], "\n") {
		t.Errorf("description of %d characters: %q", n, got["description"])
	}
}

func TestReportWithBothCredentials(t *testing.T) {
	h := newHub(t) // the App is not installed
	h.on(createStatus, always(201, `{"id":1}`))
	c := h.client(asApp, func(o *github.Options) { o.Token = personalToken })
	if err := c.Report(t.Context(), report()); err != nil {
		t.Fatal(err)
	}
	if n := len(h.requests(createStatus)); n != 1 {
		t.Errorf("%d statuses, want 1, since a personal token may not write check runs", n)
	}
}

func TestReportOnWhatIsNoCommit(t *testing.T) {
	h := newHub(t)
	r := report()
	r.SHA = "main"
	if err := h.client().Report(t.Context(), r); err == nil || len(h.requests("")) != 0 {
		t.Errorf("%v after %d calls, want an error without one", err, len(h.requests("")))
	}
	h.on(createStatus, func(w http.ResponseWriter, _ *http.Request) { answer(w, 403, `{"message":"Resource not accessible"}`) })
	if err := h.client().Report(t.Context(), report()); outcome(err) != "refused" {
		t.Errorf("%v, want a refusal", err)
	}
}

func TestDownloads(t *testing.T) {
	h := newHub(t)
	h.on("GET /repos/octo-org/app/actions/runners/downloads", always(200, `[
	{"os":"linux","architecture":"arm64","download_url":"https://github.com/x.tar.gz","filename":"actions-runner-linux-arm64-2.337.0.tar.gz","sha256_checksum":"ab12"},
	{"os":"win","architecture":"x64","download_url":"https://github.com/y.zip","filename":"runner.zip"}]`))
	got, err := h.client().Downloads(t.Context(), repo())
	if err != nil {
		t.Fatal(err)
	}
	want := []github.Download{
		{OS: "linux", Arch: "arm64", Version: "2.337.0", URL: "https://github.com/x.tar.gz", Filename: "actions-runner-linux-arm64-2.337.0.tar.gz", SHA256: "ab12"},
		{OS: "win", Arch: "x64", URL: "https://github.com/y.zip", Filename: "runner.zip"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("downloads (-want +got):\n%s", diff)
	}
}

func TestRepository(t *testing.T) {
	h := newHub(t)
	h.issuesTokens()
	h.on("GET /repos/octo-org/app", always(200, visibleRepo))
	got, err := h.client(asApp).Repository(t.Context(), "octo-org", "app")
	if err != nil {
		t.Fatal(err)
	}
	want := repo()
	want.Installation = 12
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("repository (-want +got):\n%s", diff)
	}
	if _, err = h.client(asApp).Repository(t.Context(), "octo-org", "a/b"); err == nil {
		t.Error("a path passes for a name")
	}
}
