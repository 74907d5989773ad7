package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

const (
	visibleRepo = `{"id":31,"name":"app","private":true,"owner":{"login":"octo-org"}}`
	runPath     = "GET /repos/octo-org/app/actions/runs/6"
	fullJob     = `{"id":9007199254740993,"run_id":6,"run_attempt":2,"head_branch":"main","head_sha":"` + sha + `","status":"in_progress",
	"conclusion":null,"created_at":"2026-08-01T10:00:00Z","started_at":"2026-08-01T10:00:01Z","completed_at":null,"name":"test (1)",
	"labels":["runs-fleet=6","Linux"],"runner_id":8,"runner_name":"m-1","workflow_name":"CI","html_url":"https://github.com/octo-org/app/actions/runs/6/job/5"}`
)

func TestJobIsATruth(t *testing.T) { // rule 5.1
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		asked := time.Now().UTC()
		h.on("GET /repos/octo-org/app/actions/jobs/9007199254740993", func(w http.ResponseWriter, _ *http.Request) {
			sleep(t, 3*time.Second) // GitHub takes its time; the truth is as old as the question
			answer(w, 200, fullJob)
		})
		got, err := h.client().Job(t.Context(), repo(), 9007199254740993)
		if err != nil {
			t.Fatal(err)
		}
		want := fleet.Sighting{
			Job: 9007199254740993, Run: 6, Attempt: 2, Repository: repo(), State: fleet.JobInProgress, Runner: "m-1", RunnerID: 8,
			Labels: []string{"runs-fleet=6", "Linux"}, Name: "test (1)", Workflow: "CI", HeadSHA: sha, Branch: "main",
			URL:     "https://github.com/octo-org/app/actions/runs/6/job/5",
			Created: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC), Started: time.Date(2026, 8, 1, 10, 0, 1, 0, time.UTC),
			RunAlive: true, Authoritative: true, Asked: asked,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sighting (-want +got):\n%s", diff)
		}
		if n := len(h.requests("")); n != 1 {
			t.Errorf("%d calls: a job that runs proves that its run is alive", n)
		}
	})
}

func TestStatesOfAJob(t *testing.T) {
	tests := []struct {
		job, run string // what GitHub says of them
		state    fleet.JobState
		alive    bool
	}{
		{`"status":"requested"`, `"queued"`, fleet.JobWaiting, true},
		{`"status":"pending"`, `"pending"`, fleet.JobWaiting, true},
		{`"status":"waiting"`, `"waiting"`, fleet.JobWaiting, true},
		{`"status":"queued"`, `"in_progress"`, fleet.JobQueued, true},
		{`"status":"queued","runner_id":0,"runner_name":""`, `"queued"`, fleet.JobQueued, true},
		{`"status":"queued","runner_id":null,"runner_name":null`, `"completed"`, fleet.JobQueued, false},
		{`"status":"completed","conclusion":"cancelled"`, ``, fleet.JobCompleted, false},
	}
	for _, tt := range tests {
		h := newHub(t)
		h.on(jobPath, always(200, `{"id":5,"run_id":6,`+tt.job+`}`))
		h.on(runPath, always(200, `{"id":6,"status":`+tt.run+`}`))
		got, err := h.client().Job(t.Context(), repo(), 5)
		if err != nil {
			t.Fatal(err)
		}
		if got.State != tt.state || got.RunAlive != tt.alive || got.Runner != "" || got.RunnerID != 0 {
			t.Errorf("%s in a run %s: %s, run alive %v, runner %q %d", tt.job, tt.run, got.State, got.RunAlive, got.Runner, got.RunnerID)
		}
	}
}

func TestAJobThatIsUnknown(t *testing.T) {
	t.Run("is no job only when its repository is shown", func(t *testing.T) {
		h := newHub(t)
		h.on("GET /repos/octo-org/app", always(200, visibleRepo))
		c := h.client()
		for range 2 {
			if _, err := c.Job(t.Context(), repo(), 5); !errors.Is(err, controller.ErrNoJob) {
				t.Errorf("%v, want ErrNoJob", err)
			}
		}
		if n := len(h.requests("")); n != 3 {
			t.Errorf("%d calls, want one look at the repository for both", n)
		}
	})
	for name, f := range map[string]http.HandlerFunc{
		"a repository that is not shown": always(404, `{"message":"Not Found"}`),
		"an error":                       always(500, ``),
		"a status nobody knows":          always(200, `{"id":5,"run_id":6,"status":"dreaming"}`),
		"nothing":                        always(200, `{}`),
		"a list":                         always(200, `[]`),
		"a run that cannot be asked for": always(200, `{"id":5,"run_id":7,"status":"queued"}`),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t)
			h.on(jobPath, f)
			if got, err := h.client().Job(t.Context(), repo(), 5); err == nil || errors.Is(err, controller.ErrNoJob) {
				t.Errorf("%+v, %v: want that it is unknown", got, err)
			}
		})
	}
}

func TestRunJobs(t *testing.T) {
	t.Run("of all pages, and of a run that is over", func(t *testing.T) {
		h := newHub(t)
		h.on("GET /repos/octo-org/app/actions/runs/6/jobs", func(w http.ResponseWriter, r *http.Request) {
			page := r.URL.Query().Get("page")
			var link []string
			if page == "1" {
				link = []string{"Link", `<https://api.github.com/x?page=2>; rel="next"`}
			}
			answer(w, 200, fmt.Sprintf(`{"total_count":2,"jobs":[{"id":1%s,"run_id":6,"status":"queued"}]}`, page), link...)
		})
		h.on(runPath, always(200, `{"id":6,"status":"completed"}`))
		got, err := h.client().RunJobs(t.Context(), repo(), 6)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].Job != 11 || got[1].Job != 12 || got[1].RunAlive || !got[1].Authoritative {
			t.Errorf("jobs %+v", got)
		}
		if q := h.requests("/runs/6/jobs")[0].Query; q != "filter=latest&page=1&per_page=100" {
			t.Errorf("asked %s", q)
		}
	})
	t.Run("of a run that was deleted are none, if the repository is shown", func(t *testing.T) {
		h := newHub(t)
		if _, err := h.client().RunJobs(t.Context(), repo(), 6); err == nil {
			t.Error("a repository that is not shown has no error")
		}
		h.on("GET /repos/octo-org/app", always(200, visibleRepo))
		if got, err := h.client().RunJobs(t.Context(), repo(), 6); err != nil || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("with a part missing is no answer", func(t *testing.T) {
		h := newHub(t)
		h.on("GET /repos/octo-org/app/actions/runs/6/jobs", series(
			always(200, `{"total_count":2,"jobs":[{"id":1,"run_id":6,"status":"queued"}]}`, "Link", `<https://api.github.com/x?page=2>; rel="next"`),
			always(500, ``)))
		if got, err := h.client().RunJobs(t.Context(), repo(), 6); err == nil || got != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// An answer that has not changed is a truth as of now, and costs none of the primary limit.
func TestWhatHasNotChangedIsAskedForConditionally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		tagged := func(body, etag string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("If-None-Match") == etag {
					answer(w, http.StatusNotModified, ``, "Etag", etag)
					return
				}
				answer(w, 200, body, "Etag", etag)
			}
		}
		job := tagged(`{"id":5,"run_id":6,"status":"queued"}`, `"a"`)
		h.on(jobPath, func(w http.ResponseWriter, r *http.Request) { job(w, r) })
		h.on(runPath, tagged(`{"id":6,"status":"in_progress"}`, `"r"`))
		h.on("GET /repos/octo-org/app/actions/runs/6/jobs", tagged(`{"total_count":1,"jobs":[{"id":5,"run_id":6,"status":"queued"}]}`, `"j"`))
		c := h.client()
		for range 3 {
			sleep(t, time.Minute)
			got, err := c.Job(t.Context(), repo(), 5)
			if err != nil || got.State != fleet.JobQueued || !got.RunAlive || !got.Asked.Equal(time.Now()) {
				t.Errorf("%+v, %v", got, err)
			}
			listed, err := c.RunJobs(t.Context(), repo(), 6)
			if err != nil || len(listed) != 1 || !cmp.Equal(listed[0], got) {
				t.Errorf("%+v, %v", listed, err)
			}
		}
		for _, part := range []string{"/jobs/5", "/runs/6/jobs"} {
			for i, r := range h.requests(part) {
				if (r.IfNoneMatch != "") != (i > 0) {
					t.Errorf("%s, call %d: If-None-Match %q", part, i, r.IfNoneMatch)
				}
			}
		}
		job = tagged(`{"id":5,"run_id":6,"status":"in_progress","runner_name":"m-1","runner_id":8}`, `"b"`)
		if got, err := c.Job(t.Context(), repo(), 5); err != nil || got.State != fleet.JobInProgress || got.Runner != "m-1" {
			t.Errorf("after a change: %+v, %v", got, err)
		}
	})
}

func TestRunners(t *testing.T) {
	const one = `{"id":23,"name":"m-1","os":"linux","status":"online","busy":true,"labels":[{"id":1,"name":"Linux","type":"custom"}]}`
	const two = `{"id":24,"name":"m-10","os":"unknown","status":"offline","busy":false,"labels":[]}`
	h := newHub(t)
	h.on("GET /repos/octo-org/app/actions/runners", always(200, `{"total_count":2,"runners":[`+two+`,`+one+`]}`))
	c := h.client()
	want := controller.RunnerTruth{ID: 23, Name: "m-1", Online: true, Busy: true, Labels: []string{"Linux"}}
	all, err := c.Runners(t.Context(), repo())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]controller.RunnerTruth{{ID: 24, Name: "m-10", Labels: []string{}}, want}, all); diff != "" {
		t.Errorf("runners (-want +got):\n%s", diff)
	}
	got, err := c.FindRunner(t.Context(), repo(), "m-1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runner (-want +got):\n%s", diff)
	}
	if q := h.requests("/runners")[1].Query; !strings.Contains(q, "name=m-1") {
		t.Errorf("asked %s", q)
	}
	if _, err = c.FindRunner(t.Context(), repo(), "m"); !errors.Is(err, controller.ErrNoRunner) {
		t.Errorf("%v, want ErrNoRunner", err)
	}
	if _, err = newHub(t).client().FindRunner(t.Context(), repo(), "m"); err == nil || errors.Is(err, controller.ErrNoRunner) {
		t.Errorf("%v, want that it is unknown", err)
	}
}

func TestDeleteRunner(t *testing.T) { // rule 6.1, failure mode M22
	tests := []struct {
		name   string
		answer http.HandlerFunc
		repo   http.HandlerFunc
		want   controller.Deletion
	}{
		{"removed", always(204, ``), nil, controller.Deleted},
		{"at work", always(422, `{"message":"Bad request - Runner \"m-1\" is still running a job\""}`), nil, controller.Busy},
		{"absent", always(404, `{}`), always(200, visibleRepo), controller.Absent},
		{"absent, and the token administers", always(404, `{}`), always(200, `{"id":31,"permissions":{"admin":true}}`), controller.Absent},
		{"not shown to a token that does not administer", always(404, `{}`), always(200, `{"id":31,"permissions":{"admin":false}}`), 0},
		{"not shown", always(404, `{}`), always(404, `{}`), 0},
		{"refused", always(403, `{"message":"Must have admin rights"}`), nil, 0},
		{"error", always(500, ``), nil, 0},
		{"no answer", always(broken, ``), nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHub(t)
			h.on("DELETE /repos/octo-org/app/actions/runners/23", tt.answer)
			if tt.repo != nil {
				h.on("GET /repos/octo-org/app", tt.repo)
			}
			got, err := h.client().DeleteRunner(t.Context(), repo(), 23)
			if got != tt.want || (err == nil) != (tt.want != 0) {
				t.Errorf("%d, %v; want %d", got, err, tt.want)
			}
		})
	}
}
