package githubsim_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
)

// runner is a runner that speaks the broker's protocol.
type runner struct {
	w       *world
	name    string
	id      int64
	secret  string
	session string
}

// register mints a JIT config and reads the runner's files out of it.
func (w *world) register(name string, labels ...string) *runner {
	w.t.Helper()
	answer := w.expect(http.StatusCreated, personToken, "POST", "/repos/acme/shop/actions/runners/generate-jitconfig",
		map[string]any{"name": name, "runner_group_id": 1, "labels": labels}).object(w.t)
	files := map[string]string{}
	w.decode(answer["encoded_jit_config"].(string), &files)
	var settings struct {
		AgentID   int64
		AgentName string
		ServerURL string
	}
	w.decode(files[".runner"], &settings)
	var credentials struct{ Data struct{ Token string } }
	w.decode(files[".credentials"], &credentials)
	if settings.AgentName != name || settings.ServerURL != "http://github.test/_runner" {
		w.t.Fatalf(".runner = %+v", settings)
	}
	return &runner{w: w, name: name, id: settings.AgentID, secret: credentials.Data.Token}
}

func (w *world) decode(encoded string, into any) {
	w.t.Helper()
	content, err := base64.StdEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		w.t.Fatalf("decoding %q: %v", encoded, err)
	}
}

func (r *runner) call(method, path string, body any) reply {
	r.w.t.Helper()
	return r.w.callOn(r.w.sim.Handler(), r.secret, method, "/_runner"+path, body)
}

// connect opens a session and requires that it opens.
func (r *runner) connect() *runner {
	r.w.t.Helper()
	if got := r.open(); got != http.StatusOK {
		r.w.t.Fatalf("session of %s = %d", r.name, got)
	}
	return r
}

func (r *runner) open() int {
	r.w.t.Helper()
	answer := r.call("POST", "/session", map[string]any{"agentId": r.id})
	if answer.Status == http.StatusOK {
		r.session = answer.object(r.w.t)["session"].(string)
	}
	return answer.Status
}

// poll returns the id of the job that the runner was sent, 0 for none, -1 when the registration is gone.
func (r *runner) poll() int64 {
	r.w.t.Helper()
	answer := r.call("GET", "/message?wait=0&session="+r.session, nil)
	switch answer.Status {
	case http.StatusNoContent:
		return 0
	case http.StatusUnauthorized:
		return -1
	case http.StatusOK:
		return int64(answer.object(r.w.t)["job"].(float64))
	default:
		r.w.t.Fatalf("message = %d: %s", answer.Status, answer.Body)
		return -1
	}
}

func (r *runner) acquire(job int64) reply {
	r.w.t.Helper()
	return r.call("POST", fmt.Sprintf("/jobs/%d/acquire", job), map[string]any{"session": r.session})
}

func (r *runner) renew(job int64, log string) reply {
	r.w.t.Helper()
	return r.call("POST", fmt.Sprintf("/jobs/%d/renew", job), map[string]any{"session": r.session, "log": log})
}

func (r *runner) complete(job int64, conclusion string, outputs map[string]string) reply {
	r.w.t.Helper()
	return r.call("POST", fmt.Sprintf("/jobs/%d/complete", job),
		map[string]any{"session": r.session, "conclusion": conclusion, "outputs": outputs, "log": "done\n"})
}

// take polls for a job, requires one, and acquires it.
func (r *runner) take() (int64, map[string]any) {
	r.w.t.Helper()
	job := r.poll()
	if job <= 0 {
		r.w.t.Fatalf("%s was sent no job (%d)", r.name, job)
	}
	answer := r.acquire(job)
	if answer.Status != http.StatusOK {
		r.w.t.Fatalf("acquire = %d: %s", answer.Status, answer.Body)
	}
	return job, answer.object(r.w.t)
}

// finish ends a job and requires that it is accepted.
func (r *runner) finish(job int64, conclusion string, outputs map[string]string) {
	r.w.t.Helper()
	if answer := r.complete(job, conclusion, outputs); answer.Status != http.StatusNoContent {
		r.w.t.Fatalf("complete = %d: %s", answer.Status, answer.Body)
	}
	r.w.step(0)
}

// runOne registers a fresh runner with these labels and lets it run one job to this conclusion.
func (w *world) runOne(name, conclusion string, outputs map[string]string, labels ...string) map[string]any {
	w.t.Helper()
	r := w.register(name, labels...).connect()
	job, definition := r.take()
	r.finish(job, conclusion, outputs)
	return definition
}
