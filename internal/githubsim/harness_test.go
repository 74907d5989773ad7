package githubsim_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

const (
	hookSecret   = "It's a Secret to Everybody"
	controlToken = "control"
	personToken  = "ghp_person"
	appID        = 4242
)

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// clock is a clock that moves only when told. Nothing sleeps on it: the simulators under test are passive.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Sleep(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

func (c *clock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return ended, cancel
	}
	return context.WithCancel(ctx)
}

// sequence is a random source with a fixed sequence.
type sequence struct {
	mu    sync.Mutex
	state uint64
}

func (s *sequence) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

func (s *sequence) Token(n int) string {
	var out strings.Builder
	for out.Len() < 2*n {
		fmt.Fprintf(&out, "%016x", s.Uint64())
	}
	return out.String()[:2*n]
}

// hook is a receiver of webhooks that answers as told.
type hook struct {
	t      *testing.T
	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	Event, GUID string
	Body        map[string]any
}

func (h *hook) Send(_ context.Context, r githubsim.HookRequest) githubsim.HookResponse {
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write(r.Body)
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); r.Header.Get("X-Hub-Signature-256") != want {
		h.t.Errorf("signature = %q, want %q", r.Header.Get("X-Hub-Signature-256"), want)
	}
	validateWebhook(h.t, r.Header.Get("X-GitHub-Event"), r.Body)
	var body map[string]any
	if err := json.Unmarshal(r.Body, &body); err != nil {
		h.t.Errorf("webhook body: %v", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, received{Event: r.Header.Get("X-GitHub-Event"), GUID: r.Header.Get("X-GitHub-Delivery"), Body: body})
	return githubsim.HookResponse{StatusCode: h.status, Status: "OK", Header: http.Header{}}
}

// jobs returns "action name" of every workflow_job received so far, in order.
func (h *hook) jobs() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := []string{}
	for _, r := range h.got {
		if r.Event == "workflow_job" {
			list = append(list, fmt.Sprintf("%v %v", r.Body["action"], r.Body["workflow_job"].(map[string]any)["name"]))
		}
	}
	return list
}

// world is a simulator under test, with everything around it.
type world struct {
	t     *testing.T
	sim   *githubsim.Simulator
	clock *clock
	hook  *hook
	http  http.Handler
}

func start(t *testing.T, change func(*githubsim.Options)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}, hook: &hook{t: t, status: http.StatusAccepted}}
	options := githubsim.Options{
		Clock: w.clock, Random: &sequence{state: 7}, BaseURL: "http://github.test", Passive: true, Sender: w.hook, ControlToken: controlToken,
		App:            &githubsim.App{ID: appID, Slug: "runs-fleet", PublicKey: &appKey().PublicKey},
		Webhook:        githubsim.Webhook{URL: "http://fleet.test/webhook", Secret: hookSecret},
		PersonalTokens: []githubsim.PersonalToken{{Token: personToken, Login: "octocat"}},
		Repositories: []githubsim.RepositorySpec{{
			Owner: "acme", Name: "shop", Private: true, Organization: true, Files: map[string]string{"README.md": "# Shop\n"},
			Environments: []githubsim.EnvironmentSpec{{Name: "production", Protected: true}},
		}},
	}
	if change != nil {
		change(&options)
	}
	sim, err := githubsim.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	w.sim, w.http = sim, validated(t, sim.Handler())
	return w
}

// step lets d pass and sends what is due.
func (w *world) step(d time.Duration) {
	w.t.Helper()
	w.clock.advance(d)
	w.sim.Step(w.t.Context())
}

// dispatch commits a workflow and starts a run of it.
func (w *world) dispatch(yaml string) simclient.Run {
	w.t.Helper()
	return w.dispatchWith(yaml, simclient.Dispatch{})
}

func (w *world) dispatchWith(yaml string, d simclient.Dispatch) simclient.Run {
	w.t.Helper()
	d.Repository, d.Path = "acme/shop", ".github/workflows/ci.yml"
	if _, err := w.sim.Commit(simclient.File{Repository: d.Repository, Path: d.Path, Content: yaml}); err != nil {
		w.t.Fatal(err)
	}
	run, err := w.sim.Dispatch(d)
	if err != nil {
		w.t.Fatal(err)
	}
	w.step(0)
	return run
}

// reply is an answer of the REST API.
type reply struct {
	Status int
	Header http.Header
	Body   []byte
}

func (r reply) object(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(r.Body, &object); err != nil {
		t.Fatalf("answer %d is no object: %s", r.Status, r.Body)
	}
	return object
}

func (r reply) list(t *testing.T) []any {
	t.Helper()
	var list []any
	if err := json.Unmarshal(r.Body, &list); err != nil {
		t.Fatalf("answer %d is no list: %s", r.Status, r.Body)
	}
	return list
}

func (w *world) call(token, method, path string, body any, headers ...string) reply {
	w.t.Helper()
	return w.callOn(w.http, token, method, path, body, headers...)
}

func (w *world) callOn(handler http.Handler, token, method, path string, body any, headers ...string) reply {
	w.t.Helper()
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		content = bytes.NewReader(encoded)
	}
	request := httptest.NewRequestWithContext(w.t.Context(), method, path, content)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return reply{Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.Bytes()}
}

// expect calls and requires a status.
func (w *world) expect(status int, token, method, path string, body any, headers ...string) reply {
	w.t.Helper()
	r := w.call(token, method, path, body, headers...)
	if r.Status != status {
		w.t.Fatalf("%s %s = %d, want %d: %s", method, path, r.Status, status, r.Body)
	}
	return r
}

// appJWT signs an App's JWT with these times relative to now.
func (w *world) appJWT(issued, expires time.Duration) string {
	w.t.Helper()
	now := w.clock.Now()
	segment := func(v any) string {
		encoded, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	signed := segment(map[string]any{"alg": "RS256", "typ": "JWT"}) + "." +
		segment(map[string]any{"iss": fmt.Sprint(appID), "iat": now.Add(issued).Unix(), "exp": now.Add(expires).Unix()})
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, appKey(), 5, sum[:]) // 5 is crypto.SHA256
	if err != nil {
		w.t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (w *world) jwt() string { return w.appJWT(-time.Minute, 9*time.Minute) }

// installation returns a token of the App's installation, narrowed by the request.
func (w *world) installation(request map[string]any) string {
	w.t.Helper()
	id := w.expect(http.StatusOK, w.jwt(), "GET", "/repos/acme/shop/installation", nil).object(w.t)["id"]
	var body any
	if request != nil {
		body = request
	}
	answer := w.expect(http.StatusCreated, w.jwt(), "POST", fmt.Sprintf("/app/installations/%.0f/access_tokens", id), body)
	return answer.object(w.t)["token"].(string)
}

// states returns "name status/conclusion" of a run's jobs.
func (w *world) states(run int64) []string {
	w.t.Helper()
	list := []string{}
	for _, job := range w.sim.Jobs(run) {
		state := job.Name + " " + job.Status
		if job.Conclusion != "" {
			state += "/" + job.Conclusion
		}
		list = append(list, state)
	}
	return list
}

// runState returns "status/conclusion attempt" of a run.
func (w *world) runState(run int64) string {
	w.t.Helper()
	for _, r := range w.sim.Runs() {
		if r.ID == run {
			return fmt.Sprintf("%s/%s %d", r.Status, r.Conclusion, r.Attempt)
		}
	}
	return "none"
}

func itoa(n int64) string { return fmt.Sprint(n) }

func decodeJSON(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("decoding %q: %v", text, err)
	}
}
