package github_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// overHTTP is a client of a real server on loopback, under an Enterprise Server's path.
func overHTTP(t *testing.T, mux *http.ServeMux, change ...func(*github.Options)) *github.Client {
	t.Helper()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	transport := github.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	o := github.Options{BaseURL: server.URL + "/api/v3", Transport: transport, Clock: seam.System{}, Random: seam.Crypto{}, Token: personalToken}
	for _, c := range change {
		c(&o)
	}
	c, err := github.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimPrefix(server.URL, "http://"); c.Host() != want {
		t.Errorf("host %q, want %q", c.Host(), want)
	}
	return c
}

func TestALogIsFetchedWithoutOurToken(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the store of the logs got our token")
		}
		if r.URL.Query().Get("sig") != "capability" {
			w.WriteHeader(403)
			return
		}
		_, _ = io.WriteString(w, "line 1\nline 2\n")
	}))
	defer store.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v3/repos/octo-org/app/actions/jobs/5/logs", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+personalToken {
			t.Errorf("Authorization %q", r.Header.Get("Authorization"))
		}
		http.Redirect(w, r, store.URL+"/log?sig=capability", http.StatusFound)
	})
	mux.HandleFunc("GET /api/v3/repos/octo-org/app/actions/jobs/6/logs", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "direct")
	})
	mux.HandleFunc("GET /api/v3/repos/octo-org/app/actions/jobs/7/logs", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/log?sig=capability", http.StatusFound)
	})
	mux.HandleFunc("GET /api/v3/repos/octo-org/app/actions/jobs/8/logs", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, store.URL+"/log?sig=expired", http.StatusFound)
	})
	mux.HandleFunc("GET /api/v3/repos/octo-org/app", always(200, visibleRepo))
	c := overHTTP(t, mux)
	for job, want := range map[int64]string{5: "line 1\nline 2\n", 6: "direct"} {
		log, err := c.JobLog(t.Context(), repo(), job)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(log)
		if err != nil || string(got) != want {
			t.Errorf("log of job %d: %q, %v", job, got, err)
		}
		if err = log.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, job := range []int64{7, 8} {
		if _, err := c.JobLog(t.Context(), repo(), job); err == nil || strings.Contains(err.Error(), "sig=") {
			t.Errorf("job %d: %v: want an error without the signed address", job, err)
		}
	}
	if _, err := c.JobLog(t.Context(), repo(), 9); !errors.Is(err, controller.ErrNoJob) {
		t.Errorf("%v, want ErrNoJob", err)
	}
}

func TestARedirectToAnotherHostIsNotFollowed(t *testing.T) { // failure mode I8
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was asked with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	c := overHTTP(t, mux)
	if _, err := c.Job(t.Context(), repo(), 5); err == nil {
		t.Error("no error")
	}
	if _, err := c.Mint(t.Context(), mintRequest()); outcome(err) != "unknown" {
		t.Errorf("%v, want unknown", err)
	}
}

func TestARenamedRepositoryIsFollowed(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v3/repos/octo-org/app/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(r.URL.Path, "repos/octo-org/app", "repositories/31", 1), http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("POST /api/v3/repositories/31/actions/runners/generate-jitconfig", func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body["name"] != "m-1" || r.Header.Get("Authorization") == "" {
			t.Errorf("body %v, %v, authorized with %q", body, err, r.Header.Get("Authorization"))
		}
		answer(w, 201, minted)
	})
	if _, err := overHTTP(t, mux).Mint(t.Context(), mintRequest()); err != nil {
		t.Error(err)
	}
}

func TestTheSharedTransportIsNotChanged(t *testing.T) { // failure mode H2
	h := newHub(t)
	h.issuesTokens()
	h.on(jobPath, always(200, endedJob))
	app, personal := h.client(asApp), h.client()
	for range 3 {
		if _, err := app.Job(t.Context(), repo(), 5); err != nil {
			t.Fatal(err)
		}
		if _, err := personal.Job(t.Context(), repo(), 5); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range h.requests(jobPath) {
		want := "Bearer ghs_12_1."
		if i%2 == 1 {
			want = "Bearer " + personalToken
		}
		if !strings.HasPrefix(r.Authorization, want) {
			t.Errorf("call %d was authorized with %q", i, r.Authorization)
		}
	}
}

func TestNoTokenIsEverTold(t *testing.T) {
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := json.Marshal(map[string]string{"message": "rejected " + r.Header.Get("Authorization")})
			answer(w, status, string(body))
		}
	}
	for _, status := range []int{400, 401, 403, 404, 409, 422, 429, 500, 503, broken} {
		for name, as := range map[string]func(*github.Options){"app": asApp, "personal": func(*github.Options) {}} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				h := newHub(t)
				h.issuesTokens()
				h.on("POST /repos/", echo(status))
				h.on("GET /repos/octo-org/app/actions/", echo(status))
				h.on("DELETE /repos/", echo(status))
				var logged bytes.Buffer
				c := h.client(as, func(o *github.Options) {
					o.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				ctx := t.Context()
				_, e1 := c.Mint(ctx, mintRequest())
				_, e2 := c.DeleteRunner(ctx, repo(), 23)
				_, e3 := c.Job(ctx, repo(), 5)
				_, e4 := c.JobLog(ctx, repo(), 5)
				_, _, e5 := c.LiveRuns(ctx, repo())
				said := fmt.Sprintf("%v %+v %v %v %v %s %v", e1, e2, e3, e4, e5, &logged, c.Check(ctx, repo()))
				for _, token := range []string{"ghs_", personalToken, "eyJ"} {
					if strings.Contains(said, token) {
						t.Errorf("%s is told in %s", token, said)
					}
				}
			})
		}
	}
}

func TestCallsAtOnceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		release := make(chan struct{})
		h.on(jobPath, func(w http.ResponseWriter, _ *http.Request) {
			<-release
			answer(w, 200, endedJob)
		})
		c := h.client()
		results := make(chan error)
		for range 80 {
			go func() {
				_, err := c.Job(t.Context(), repo(), 5)
				results <- err
			}()
		}
		synctest.Wait()
		if n := len(h.requests("")); n != 50 {
			t.Errorf("%d calls at once, want 50", n)
		}
		close(release)
		for range 80 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestHostOf(t *testing.T) { // failure mode M24
	for address, want := range map[string]string{
		"":                                 "github.com",
		"https://api.github.com":           "github.com",
		"https://api.github.com/":          "github.com",
		"https://api.octo.ghe.com":         "octo.ghe.com",
		"https://GHES.example.com/api/v3":  "ghes.example.com",
		"https://ghes.example.com:8443/a/": "ghes.example.com:8443",
		"http://127.0.0.1:4000/api/v3/":    "127.0.0.1:4000",
	} {
		if got, err := github.HostOf(address); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", address, got, err, want)
		}
	}
	for _, address := range []string{"github.com", "ftp://x/", "https://", "https://u:p@x/", "https://x/?a=b", "://"} {
		if got, err := github.HostOf(address); err == nil {
			t.Errorf("%q: %q, want an error", address, got)
		}
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*github.Options){
		"no credentials":   func(o *github.Options) { o.Token = "" },
		"no clock":         func(o *github.Options) { o.Clock = nil },
		"no randomness":    func(o *github.Options) { o.Random = nil },
		"no address":       func(o *github.Options) { o.BaseURL = "github" },
		"no key":           func(o *github.Options) { o.App = &github.AppCredentials{ID: "1", PrivateKeyPEM: []byte("x")} },
		"an App, nameless": func(o *github.Options) { o.App = &github.AppCredentials{PrivateKeyPEM: appKeyPEM()} },
	} {
		o := github.Options{Clock: seam.System{}, Random: seam.Crypto{}, Token: "t"}
		change(&o)
		if _, err := github.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
