package runner_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/runner"
)

// fakeGitHub is the server's side of the runner's protocol, for one runner and one job.
type fakeGitHub struct {
	t      *testing.T
	server *httptest.Server

	mu        sync.Mutex
	job       *runner.Definition
	session   int // what to answer to POST /session; 0 is success
	message   int // what to answer to GET /message instead of the job
	renew     int
	cancel    bool
	cancelOn  string // cancel once the log holds this
	log       strings.Builder
	completed *completion
	closed    bool
	inMessage chan struct{} // gets a value for every question for a job
	seen      chan struct{} // closed when the log holds awaited
	awaited   string
	ended     chan struct{} // closed when the job was completed
}

type completion struct {
	Conclusion string            `json:"conclusion"`
	Outputs    map[string]string `json:"outputs"`
	Steps      []runner.Step     `json:"steps"`
	Log        string            `json:"log"`
}

const secretToken = "registration-secret-8c1f"

func newGitHub(t *testing.T, job *runner.Definition) *fakeGitHub {
	t.Helper()
	f := &fakeGitHub{t: t, job: job, inMessage: make(chan struct{}, 100), seen: make(chan struct{}), ended: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_runner/session", f.open)
	mux.HandleFunc("DELETE /_runner/session", func(w http.ResponseWriter, _ *http.Request) {
		f.locked(func() { f.closed = true })
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_runner/message", f.next)
	mux.HandleFunc("POST /_runner/jobs/{id}/acquire", f.acquire)
	mux.HandleFunc("POST /_runner/jobs/{id}/renew", f.renewed)
	mux.HandleFunc("POST /_runner/jobs/{id}/complete", f.complete)
	f.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+secretToken {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeGitHub) locked(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// jit starts the server and returns a runner's configuration for it. What a test prepares, it prepares before.
func (f *fakeGitHub) jit() string {
	f.server.Start()
	b64 := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			f.t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(text)
	}
	return b64(map[string]string{
		".runner": b64(map[string]any{
			"agentId": 7, "agentName": "fleet-7", "serverUrl": f.server.URL + "/_runner", "gitHubUrl": f.server.URL + "/acme/demo",
			"workFolder": "_work", "ephemeral": true,
		}),
		".credentials":           b64(map[string]any{"scheme": "OAuth", "data": map[string]string{"clientId": "c", "token": secretToken}}),
		".credentials_rsaparams": b64(map[string]any{}),
	})
}

func (f *fakeGitHub) open(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.session != 0 {
		w.WriteHeader(f.session)
		return
	}
	f.write(w, map[string]string{"session": "s1"})
}

func (f *fakeGitHub) next(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("session") != "s1" || r.URL.Query().Get("wait") != "50" {
		f.t.Errorf("asked for a job with %q", r.URL.RawQuery)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inMessage <- struct{}{}
	switch {
	case f.message != 0:
		w.WriteHeader(f.message)
	case f.job != nil:
		f.write(w, map[string]int64{"job": f.job.ID})
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (f *fakeGitHub) acquire(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.PathValue("id") != strconv.FormatInt(f.job.ID, 10) {
		f.t.Errorf("acquired job %s", r.PathValue("id"))
	}
	f.write(w, f.job)
}

func (f *fakeGitHub) renewed(w http.ResponseWriter, r *http.Request) {
	var in struct{ Log string }
	f.read(r, &in)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.renew != 0 {
		w.WriteHeader(f.renew)
		return
	}
	f.log.WriteString(in.Log)
	if f.awaited != "" && strings.Contains(f.log.String(), f.awaited) {
		close(f.seen)
		f.awaited = ""
	}
	if f.cancelOn != "" && strings.Contains(f.log.String(), f.cancelOn) {
		f.cancel = true
	}
	f.write(w, map[string]bool{"cancelled": f.cancel})
}

func (f *fakeGitHub) complete(w http.ResponseWriter, r *http.Request) {
	var in completion
	f.read(r, &in)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log.WriteString(in.Log)
	if f.completed != nil {
		f.t.Error("the job was completed twice")
	}
	f.completed = &in
	close(f.ended)
	w.WriteHeader(http.StatusNoContent)
}

func (f *fakeGitHub) read(r *http.Request, into any) {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		f.t.Errorf("%s: %v", r.URL.Path, err)
	}
}

func (f *fakeGitHub) write(w http.ResponseWriter, answer any) {
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		f.t.Error(err)
	}
}

// awaitLog waits until the log holds what the test awaits.
func (f *fakeGitHub) awaitLog() {
	f.t.Helper()
	select {
	case <-f.seen:
	case <-f.ended:
		f.locked(func() { f.t.Fatalf("the job ended too early:\n%s", f.log.String()) })
	}
}
