package githubsim_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

func TestRunsAreListedWithFiltersAndPages(t *testing.T) {
	w := start(t, nil)
	first := w.dispatch(oneJob)
	w.runOne("r1", "failure", nil, "self-hosted", "cpu=2")
	for range 3 {
		w.dispatchWith(oneJob, simclient.Dispatch{Trigger: githubsim.Trigger{Name: "push"}})
	}
	count := func(query string) any {
		return w.expect(http.StatusOK, personToken, "GET", "/repos/acme/shop/actions/runs"+query, nil).object(t)["total_count"]
	}
	equal(t, "all", any(4.0), count(""))
	equal(t, "queued", any(3.0), count("?status=queued"))
	equal(t, "by conclusion", any(1.0), count("?status=failure"))
	equal(t, "by event", any(3.0), count("?event=push"))
	equal(t, "by sha", any(1.0), count("?head_sha="+first.SHA))
	equal(t, "by branch", any(0.0), count("?branch=other"))
	page := w.expect(http.StatusOK, personToken, "GET", "/repos/acme/shop/actions/runs?per_page=3&page=2", nil)
	oldest := page.object(t)["workflow_runs"].([]any)[0].(map[string]any)
	equal(t, "newest first", any(float64(first.ID)), oldest["id"])
	if !strings.Contains(page.Header.Get("Link"), `page=1&per_page=3>; rel="prev"`) {
		t.Errorf("Link = %q", page.Header.Get("Link"))
	}
}

func TestWhatHasNotChangedAnswers304AndIsFree(t *testing.T) {
	w := start(t, nil)
	w.dispatch(oneJob)
	path := "/repos/acme/shop/actions/runs?status=queued"
	first := w.expect(http.StatusOK, personToken, "GET", path, nil)
	again := w.expect(http.StatusNotModified, personToken, "GET", path, nil, "If-None-Match", first.Header.Get("ETag"))
	equal(t, "remaining", first.Header.Get("X-RateLimit-Remaining"), again.Header.Get("X-RateLimit-Remaining"))
	w.dispatch(oneJob)
	w.expect(http.StatusOK, personToken, "GET", path, nil, "If-None-Match", first.Header.Get("ETag"))
}

func TestAJobAndItsLog(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(oneJob)
	path := fmt.Sprintf("/repos/acme/shop/actions/jobs/%d", w.sim.Jobs(run.ID)[0].ID)
	job := w.expect(http.StatusOK, personToken, "GET", path, nil).object(t)
	equal(t, "a queued job has a start and no runner", []any{job["created_at"], nil, nil}, []any{job["started_at"], job["runner_id"], job["completed_at"]})
	w.expect(http.StatusNotFound, personToken, "GET", path+"/logs", nil)
	w.runOne("r1", "success", nil, "self-hosted", "cpu=2")
	link := w.expect(http.StatusFound, personToken, "GET", path+"/logs", nil).Header.Get("Location")
	log := w.callOn(w.sim.Handler(), "", "GET", strings.TrimPrefix(link, "http://github.test"), nil)
	equal(t, "log", "done\n", string(log.Body))
	w.step(time.Minute)
	equal(t, "the link lasts a minute", http.StatusNotFound, w.callOn(w.sim.Handler(), "", "GET", strings.TrimPrefix(link, "http://github.test"), nil).Status)
	w.expect(http.StatusNotFound, personToken, "GET", "/repos/acme/shop/actions/jobs/1", nil)
	w.expect(http.StatusNotFound, personToken, "GET", "/repos/acme/shop/actions/runs/1", nil)
	w.expect(http.StatusNotFound, personToken, "GET", "/repos/acme/shop/actions/runs/1/jobs", nil)
}

func TestStepsAreShownAsTheRunnerReportedThem(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(oneJob)
	r := w.register("r", "self-hosted", "cpu=2").connect()
	id, _ := r.take()
	now := w.clock.Now().Format(time.RFC3339)
	answer := r.call("POST", fmt.Sprintf("/jobs/%d/complete", id), map[string]any{"conclusion": "failure", "steps": []any{
		map[string]any{"name": "Set up job", "conclusion": "success", "started_at": now, "completed_at": now},
		map[string]any{"name": "Run make", "conclusion": "failure", "started_at": now, "completed_at": now},
		map[string]any{"name": "Run never", "conclusion": "skipped"},
	}})
	equal(t, "complete", http.StatusNoContent, answer.Status)
	w.step(0)
	job := w.expect(http.StatusOK, personToken, "GET", fmt.Sprintf("/repos/acme/shop/actions/jobs/%d", id), nil).object(t)
	steps := []string{}
	for _, step := range job["steps"].([]any) {
		s := step.(map[string]any)
		steps = append(steps, fmt.Sprintf("%v %v %v", s["number"], s["name"], s["conclusion"]))
	}
	equal(t, "steps", []string{"1 Set up job success", "2 Run make failure", "3 Run never skipped"}, steps)
	equal(t, "run", "completed/failure 1", w.runState(run.ID))
	w.expect(http.StatusOK, personToken, "GET", fmt.Sprintf("/repos/acme/shop/actions/runs/%d", run.ID), nil)
}

func TestTheBrokerRefusesWhatItCannotRead(t *testing.T) {
	w := start(t, nil)
	w.dispatch(oneJob)
	r := w.register("r", "self-hosted", "cpu=2").connect()
	id, _ := r.take()
	for name, answer := range map[string]reply{
		"an unknown conclusion": r.complete(id, "splendid", nil),
		"no number":             r.call("POST", "/jobs/first/renew", map[string]any{}),
		"no object":             r.call("POST", fmt.Sprintf("/jobs/%d/renew", id), "text"),
		"no session request":    r.call("POST", "/session", "text"),
	} {
		equal(t, name, http.StatusBadRequest, answer.Status)
	}
	equal(t, "another's job", http.StatusNotFound, w.register("s", "x").connect().renew(id, "").Status)
	equal(t, "it still runs", http.StatusOK, r.renew(id, "").Status)
}

func TestContents(t *testing.T) {
	w := start(t, nil)
	const file = "/repos/acme/shop/contents/.github%2Fruns-fleet.yml"
	w.expect(http.StatusNotFound, personToken, "GET", file, nil)
	old, err := w.sim.Commit(simclient.File{Repository: "acme/shop", Path: ".github/runs-fleet.yml", Content: "a: 1\n"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.sim.Commit(simclient.File{Repository: "acme/shop", Path: ".github/runs-fleet.yml", Content: "a: 2\n"}); err != nil {
		t.Fatal(err)
	}
	body := w.expect(http.StatusOK, personToken, "GET", file, nil).object(t)
	content, err := base64.StdEncoding.DecodeString(body["content"].(string))
	if err != nil || string(content) != "a: 2\n" {
		t.Errorf("content = %q, %v", content, err)
	}
	equal(t, "git's own id of the content", any("9dfc208dffa85f841e9202337485b96367a625ee"), body["sha"])
	raw := w.expect(http.StatusOK, personToken, "GET", file+"?ref="+old, nil, "Accept", "application/vnd.github.raw+json")
	equal(t, "raw, at a commit", "a: 1\n", string(raw.Body))
	again := w.call(personToken, "GET", file+"?ref="+old, nil, "Accept", "application/vnd.github.raw+json", "If-None-Match", raw.Header.Get("ETag"))
	equal(t, "conditionally", http.StatusNotModified, again.Status)
	w.expect(http.StatusNotFound, personToken, "GET", file+"?ref=nowhere", nil)
	folder := w.callOn(w.sim.Handler(), personToken, "GET", "/repos/acme/shop/contents/", nil).list(t) // GitHub describes no empty path
	equal(t, "the root folder", 2, len(folder))
	unescaped := w.expect(http.StatusOK, personToken, "GET", "/repos/acme/shop/contents/.github/runs-fleet.yml", nil)
	equal(t, "with slashes", body["sha"], unescaped.object(t)["sha"])
}

func TestReportsOnACommit(t *testing.T) {
	w := start(t, nil)
	sha := w.dispatch(oneJob).SHA
	check := map[string]any{
		"name": "runs-fleet", "head_sha": sha, "status": "completed", "conclusion": "failure", "details_url": "https://fleet.test/x",
		"output": map[string]any{"title": "unknown label", "summary": "Use cpu=2."},
	}
	token := w.installation(nil)
	w.expect(http.StatusCreated, token, "POST", "/repos/acme/shop/check-runs", check)
	delete(check, "conclusion")
	w.expect(http.StatusUnprocessableEntity, token, "POST", "/repos/acme/shop/check-runs", check)
	check["conclusion"], check["head_sha"] = "failure", strings.Repeat("0", 40)
	w.expect(http.StatusUnprocessableEntity, token, "POST", "/repos/acme/shop/check-runs", check)
	check["head_sha"] = sha
	w.expect(http.StatusForbidden, personToken, "POST", "/repos/acme/shop/check-runs", check)
	status := map[string]any{"state": "failure", "context": "runs-fleet", "description": "unknown label", "target_url": "https://fleet.test/x"}
	w.expect(http.StatusCreated, personToken, "POST", "/repos/acme/shop/statuses/"+sha, status)
	status["state"] = "sad"
	w.expect(http.StatusUnprocessableEntity, personToken, "POST", "/repos/acme/shop/statuses/"+sha, status)
	kinds := []string{}
	for _, r := range w.sim.Reports() {
		kinds = append(kinds, r.Kind+" "+r.State+" "+r.Title)
	}
	equal(t, "reports", []string{"check_run failure unknown label", "status failure unknown label"}, kinds)
}

func TestDownloadsCarryTheirChecksum(t *testing.T) {
	w := start(t, func(o *githubsim.Options) {
		o.Downloads = []githubsim.Download{{OS: "linux", Architecture: "x64", Filename: "runner.tar.gz", Content: []byte("runner")}}
	})
	list := w.expect(http.StatusOK, personToken, "GET", runnersPath+"/downloads", nil).list(t)
	d := list[0].(map[string]any)
	equal(t, "sha256", any("527aa9f431539da8e151d5434d1d5e611d973f601d8e970790882624554146b0"), d["sha256_checksum"])
	content := w.callOn(w.sim.Handler(), "", "GET", strings.TrimPrefix(d["download_url"].(string), "http://github.test"), nil)
	equal(t, "content", "runner", string(content.Body))
}

func TestTheRepositoriesOfAnInstallation(t *testing.T) {
	w := start(t, nil)
	w.expect(http.StatusOK, personToken, "GET", "/repos/ACME/Shop", nil) // case does not matter
	list := w.expect(http.StatusOK, w.installation(nil), "GET", "/installation/repositories", nil).object(t)
	equal(t, "count", any(1.0), list["total_count"])
	w.expect(http.StatusForbidden, personToken, "GET", "/installation/repositories", nil)
}
