package dashboard_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func page(t *testing.T, w *webtest.World, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.HTTP.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+webtest.Token)
	req.Header.Set("Accept", "text/html")
	resp, err := w.HTTP.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestTheEmptyFleetSaysWhatToDo(t *testing.T) {
	status, body := page(t, webtest.New(t), "/")
	for _, want := range []string{"No job waits.", "None lives: none is needed.", "runs-on: runs-fleet", "No job has come yet"} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d, without %q", status, want)
		}
	}
}

func TestThePageShowsWhatWaitsAndWhyWhatRunsAndWhatEnded(t *testing.T) {
	w := webtest.New(t)
	m := webtest.Machine("m1", fleet.MachineWorking)
	w.PutMachines(t, m)
	w.PutJobs(t,
		webtest.Job(1, func(j *fleet.Job) { j.Name = "waits" }),
		webtest.Job(2, func(j *fleet.Job) { webtest.Running(m)(j); j.Name = "runs" }),
		webtest.Job(3, func(j *fleet.Job) { webtest.Ended("failure")(j); j.Name = "ended" }),
		webtest.Job(4, func(j *fleet.Job) { j.State, j.Queued, j.Name = fleet.JobWaiting, time.Time{}, "held" }),
	)
	_, body := page(t, w, "/")
	for _, want := range []string{"waits", "4 of 4 runners are in use", "held", "runs", "rf-m1", "ended", "<b>1</b> working", "<title>1 queued · runs-fleet"} {
		if !strings.Contains(body, want) {
			t.Errorf("without %q", want)
		}
	}
}

func TestALongBacklogIsCountedAndCutShort(t *testing.T) { // failure mode J11
	w := webtest.New(t)
	for i := range 30 {
		w.PutJobs(t, webtest.Job(int64(i+1), nil))
	}
	_, body := page(t, w, "/")
	for _, want := range []string{"<title>30 queued", `<a href="/jobs?state=queued">24 more</a>`} {
		if !strings.Contains(body, want) {
			t.Errorf("without %q", want)
		}
	}
}

func TestTheOverviewShowsWhoWaitsTheLongest(t *testing.T) {
	w := webtest.New(t)
	for i := range 30 {
		w.PutJobs(t, webtest.Job(int64(100+i), func(j *fleet.Job) {
			j.Created = webtest.Noon().Add(-time.Duration(i) * time.Minute)
			j.History = nil
		}))
	}
	_, body := page(t, w, "/")
	if !strings.Contains(body, "j-github.com-129") || strings.Contains(body, "j-github.com-100\"") {
		t.Error("the newest are shown instead")
	}
}

func TestWhatAJobSaysOfItselfCannotBecomePartOfThePage(t *testing.T) {
	w := webtest.New(t)
	const nasty = `<script>alert(1)</script>"><img src=x>`
	m := webtest.Machine("m1", fleet.MachineFailed)
	m.Runners[0].Name, m.Type, m.Code, m.Diagnostics, m.Labels = nasty, nasty, nasty, nasty, []string{nasty}
	m.History = m.History.Add(m.Since, "agent: "+nasty, nasty)
	w.PutMachines(t, m)
	w.SetLog(1, nasty)
	w.SetConsole("m1", nasty)
	w.SetMachineLog("m1", fleet.LogRunner, nasty)
	w.PutJobs(t, webtest.Job(1, func(j *fleet.Job) {
		webtest.Ended("success")(j)
		j.Name, j.Branch, j.Workflow, j.URL, j.Runner, j.Labels = nasty, nasty, nasty, "javascript:alert(1)", nasty, []string{nasty}
		j.Conclusion, j.Machine = nasty, m.ID.String()
		j.History = j.History.Add(j.Queued, "warning", nasty)
	}))
	w.PutJobs(t, webtest.Job(2, func(j *fleet.Job) { j.Name, j.Problem = nasty, &fleet.Problem{Title: nasty, Detail: nasty} }))
	for _, path := range []string{
		"/", "/jobs", "/jobs?q=%3Cscript%3Ealert(1)%3C/script%3E", "/jobs?repository=%22%3E%3Cimg%20src=x%3E", "/jobs/github.com/1", "/jobs/github.com/2",
		"/jobs/github.com/1/log", "/runners?ended=true", "/machines/default/local/m1", "/machines/default/local/m1/console",
		"/machines/default/local/m1/runner",
	} {
		_, body := page(t, w, path)
		for _, bad := range []string{"<script>alert", "<img src=x", `href="javascript:`} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
	}
}

func TestADrainingFleetSaysSo(t *testing.T) {
	w := webtest.New(t)
	w.PutMachines(t, webtest.Machine("m1", fleet.MachineWorking))
	w.Drains.Add(1)
	if _, body := page(t, w, "/"); !strings.Contains(body, "draining: nothing more is launched, and 1 machine still lives") {
		t.Error(body)
	}
}

func TestEveryFileThatAPageNamesIsServed(t *testing.T) { // failure mode K2
	w := webtest.New(t)
	_, body := page(t, w, "/")
	files := regexp.MustCompile(`"(/static/[^"]+)"`).FindAllStringSubmatch(body, -1)
	const atLeast = 5
	if len(files) < atLeast {
		t.Errorf("the page names only %v", files)
	}
	for _, f := range files {
		if status, body := page(t, w, f[1]); status != http.StatusOK || body == "" {
			t.Errorf("%s: %d", f[1], status)
		}
	}
}

func TestThereIsNothingElse(t *testing.T) {
	w := webtest.New(t)
	for _, path := range []string{
		"/no/such/page", "/jobs/github.com/7", "/jobs/github.com/x", "/jobs/github.com/7/log", "/machines/a/b/c", "/machines/a/b/c/console",
	} {
		if status, body := page(t, w, path); status != http.StatusNotFound || !strings.Contains(body, "There is nothing here") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, path := range []string{"/jobs?cursor=x", "/runners?cursor=x"} {
		if status, body := page(t, w, path); status != http.StatusUnprocessableEntity || !strings.Contains(body, "This address is not whole") {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// A page's policy allows no script and no style of its own, so none may stand in it.
func TestNoPageHoldsScriptsOrStylesOfItsOwn(t *testing.T) {
	w := webtest.New(t)
	w.Scene(t)
	for _, path := range []string{"/", "/jobs", "/runners", "/jobs/github.com/39201480011", "/machines/default/eu-west-1/i-0c40", "/no/such/page"} {
		_, body := page(t, w, path)
		if bad := regexp.MustCompile(`<script>|<script [^>]*[^r]>[^<]|<style|\sstyle=|\son[a-z]+=|hx-on`).FindString(body); bad != "" {
			t.Errorf("%s holds %q", path, bad)
		}
	}
}

func TestMessagesThatCouldNotBeAppliedAreShownWithWhyAndTriedAnew(t *testing.T) {
	w := webtest.New(t)
	if status, body := page(t, w, "/queue"); status != http.StatusOK || !strings.Contains(body, "every message was applied") {
		t.Errorf("%d, without a word that there is none", status)
	}
	w.SetDead(
		controller.DeadLetter{
			Message: "m1", Sent: webtest.Noon().Add(-time.Hour), Receives: 10, Reason: record.Reason{Text: "<script>alert(1)</script>"},
			Job: &fleet.Sighting{Job: 7, Name: "unit tests", Repository: fleet.Repository{Host: webtest.Host, Owner: "acme", Name: "app"}, State: fleet.JobQueued},
		},
		controller.DeadLetter{Message: "m2", Sent: webtest.Noon(), Receives: 10},
	)
	if _, body := page(t, w, "/"); !strings.Contains(body, "2 messages of GitHub could not be applied") {
		t.Error("the overview says nothing of them")
	}
	status, body := page(t, w, "/queue")
	for _, want := range []string{
		`href="/jobs/github.com/7"`, "unit tests", "acme/app · queued", "&lt;script&gt;", "m2", "it cannot be read", "It is not known why", "Try all anew",
	} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d, without %q", status, want)
		}
	}
	if strings.Contains(body, "sse-connect") {
		t.Error("the page looks again and again, which costs calls")
	}
	w.Broken.Store(true)
	if status, _ := page(t, w, "/queue"); status != http.StatusInternalServerError {
		t.Errorf("%d while the queue cannot be read", status)
	}
}
