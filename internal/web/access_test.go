package web_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/web"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// ask makes a request without credentials, changed by f, and returns status and body.
func ask(t *testing.T, w *webtest.World, method, path string, f func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.HTTP.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if f != nil {
		f(req)
	}
	client := &http.Client{Transport: w.HTTP.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		if name == "Host" {
			r.Host = value
			return
		}
		r.Header.Set(name, value)
	}
}

func both(fs ...func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) {
		for _, f := range fs {
			f(r)
		}
	}
}

// guarded are the routes for who is logged in, as method and path.
func guarded(t *testing.T, w *webtest.World) [][2]string {
	t.Helper()
	fill := strings.NewReplacer("{id}", "1", "{host}", "github.com", "{environment}", "default", "{region}", "local", "{$}", "")
	var out [][2]string
	for _, r := range w.Web.Routes() {
		if r.Access == web.Public {
			continue
		}
		method, path, ok := strings.Cut(r.Pattern, " ")
		if !ok {
			method, path = http.MethodGet, r.Pattern+"no/such/page"
		}
		out = append(out, [2]string{method, fill.Replace(path)})
	}
	const atLeast = 24 // so that a change of the API library cannot empty this test
	if len(out) < atLeast {
		t.Fatalf("only %d guarded routes are known: %v", len(out), out)
	}
	return out
}

func TestWhatIsPublicIsDecidedOneByOne(t *testing.T) {
	var got []string
	for _, r := range webtest.New(t).Web.Routes() {
		if r.Access == web.Public {
			got = append(got, r.Pattern)
		}
	}
	want := []string{"/webhook", "GET /readyz", "GET /healthz", "/agent/v1/", "GET /login", "GET /static/", "POST /theme"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("public routes: %s", diff)
	}
}

// A job on the same machine reaches the server's port; without the token it gets nothing (NoPowerInJob).
func TestEveryOtherRouteRefusesWhoeverIsNotLoggedIn(t *testing.T) {
	w := webtest.New(t)
	for name, as := range map[string]func(*http.Request){
		"nobody":                nil,
		"a wrong token":         bearer("guess"),
		"an empty token":        bearer(""),
		"an agent with its key": bearer(webtest.AgentKey),
		"basic credentials":     func(r *http.Request) { r.SetBasicAuth("x", webtest.Token) },
		"a made-up session":     header("Cookie", "runs_fleet_session=x"),
		"the token as cookie":   header("Cookie", "runs_fleet_session="+webtest.Token),
		"the token in the path": func(r *http.Request) { r.URL.RawQuery = "token=" + webtest.Token },
	} {
		for _, route := range guarded(t, w) {
			resp, body := ask(t, w, route[0], route[1], as)
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s gets %d from %s %s: %s", name, resp.StatusCode, route[0], route[1], body)
			}
			if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("%s gets %q from %s %s", name, ct, route[0], route[1])
			}
		}
	}
	if w.Drains.Load() != 0 {
		t.Error("somebody drained the fleet")
	}
}

func TestTheKeyOfAnAgentOpensTheAgentsProtocolOnly(t *testing.T) {
	w := webtest.New(t)
	req := both(bearer(webtest.AgentKey), func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(`{"sequence":1,"listener":"none"}`))
		r.ContentLength = -1
	})
	if resp, body := ask(t, w, http.MethodPost, agentapi.PollPath, req); resp.StatusCode != http.StatusOK {
		t.Errorf("its poll gets %d: %s", resp.StatusCode, body)
	}
	if resp, _ := ask(t, w, http.MethodPost, agentapi.PollPath, bearer(webtest.Token)); resp.StatusCode == http.StatusOK {
		t.Error("the command line's token passes for an agent's")
	}
}

func TestTheTokenOpensEveryRoute(t *testing.T) {
	w := webtest.New(t)
	for _, route := range guarded(t, w) {
		resp, body := ask(t, w, route[0], route[1], bearer(webtest.Token))
		if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
			t.Errorf("%s %s: %d %s", route[0], route[1], resp.StatusCode, body)
		}
	}
}

func TestAThemeReturnsToAPageOfThisServerOnly(t *testing.T) { // failure mode I8
	w := webtest.New(t)
	for referer, want := range map[string]string{
		w.HTTP.URL + "/jobs?state=queued": "/jobs?state=queued", "https://evil.example/jobs": "/", "": "/", w.HTTP.URL + "//evil.example": "/",
		w.HTTP.URL + "/login?token=x": "/", "javascript:alert(1)": "/", "::": "/",
	} {
		resp, _ := ask(t, w, http.MethodPost, "/theme?theme=dark", header("Referer", referer))
		if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("from %q: %d to %q, want %q", referer, resp.StatusCode, got, want)
		}
		if c := resp.Cookies(); len(c) != 1 || c[0].Value != "dark" || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode {
			t.Errorf("cookies %v", c)
		}
	}
	if resp, _ := ask(t, w, http.MethodPost, "/theme?theme=pink", nil); len(resp.Cookies()) != 1 || resp.Cookies()[0].Value != "" {
		t.Errorf("an unknown theme sets %v", resp.Cookies())
	}
}

func TestHealthAndWebhookNeedNoLogin(t *testing.T) {
	w := webtest.New(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if resp, _ := ask(t, w, http.MethodGet, path, header("Host", "probe.internal")); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	resp, _ := ask(t, w, http.MethodPost, "/webhook", header("Host", "fleet.example"))
	if resp.StatusCode != http.StatusAccepted || w.Webhooks.Load() != 1 {
		t.Errorf("the webhook answers %d", resp.StatusCode)
	}
}

func TestEveryAnswerForbidsFramesAndForeignScripts(t *testing.T) {
	w := webtest.New(t)
	for _, path := range []string{"/", "/healthz", "/api/v1/jobs", "/no/such/page", "/static/style.css", "/jobs/github.com/1/log", "/runners"} {
		resp, _ := ask(t, w, http.MethodGet, path, nil)
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s has the policy %q", path, csp)
		}
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s lets browsers guess its type", path)
		}
	}
}
