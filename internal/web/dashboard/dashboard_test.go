package dashboard_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
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
	for _, want := range []string{"No job waits.", "No machine lives", "runs-on: runs-fleet"} {
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
	for _, want := range []string{"waits", "4 of 4 runners are in use", "held", "runs", "rf-m1", "ended", "failure", "1 working", "<title>2 waiting - runs-fleet"} {
		if !strings.Contains(body, want) {
			t.Errorf("without %q", want)
		}
	}
}

func TestALongBacklogIsCountedAndCutShort(t *testing.T) {
	w := webtest.New(t)
	for i := range 30 {
		w.PutJobs(t, webtest.Job(int64(i+1), nil))
	}
	_, body := page(t, w, "/")
	for _, want := range []string{"<title>30 waiting", "And 22 more: <code>runs-fleet jobs --state queued</code>"} {
		if !strings.Contains(body, want) {
			t.Errorf("without %q", want)
		}
	}
}

func TestWhatAJobSaysOfItselfCannotBecomePartOfThePage(t *testing.T) {
	w := webtest.New(t)
	w.PutJobs(t, webtest.Job(1, func(j *fleet.Job) {
		j.Name, j.Branch, j.URL = `<script>alert(1)</script>`, `"><img src=x>`, "javascript:alert(1)"
	}))
	_, body := page(t, w, "/")
	for _, bad := range []string{"<script", "<img src=x", `href="javascript:`} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %s", bad)
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

func TestStyleAndIconAreServed(t *testing.T) {
	w := webtest.New(t)
	for _, path := range []string{"/static/style.css", "/static/icon.svg"} {
		if status, body := page(t, w, path); status != http.StatusOK || body == "" {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, body := page(t, w, "/no/such/page"); status != http.StatusNotFound || !strings.Contains(body, "There is no such page") {
		t.Errorf("%d %s", status, body)
	}
}
