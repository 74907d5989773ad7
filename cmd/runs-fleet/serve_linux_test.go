package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quietGitHub has one private repository in which nothing happens.
func quietGitHub(t *testing.T) *httptest.Server {
	t.Helper()
	answers := map[string]any{
		"/repos/acme/app": map[string]any{
			"id": 7, "name": "app", "full_name": "acme/app", "private": true, "owner": map[string]any{"login": "acme"},
			"permissions": map[string]bool{"admin": true},
		},
		"/repos/acme/app/actions/runs":    map[string]any{"total_count": 0, "workflow_runs": []any{}},
		"/repos/acme/app/actions/runners": map[string]any{"total_count": 0, "runners": []any{}},
		"/rate_limit":                     map[string]any{"resources": map[string]any{}},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return server
}

// quietSettings are those of a server that never has a job: it needs neither isolation nor a working agent.
func quietSettings(t *testing.T, github string) settings.Settings {
	t.Helper()
	runner := t.TempDir()
	if err := os.Mkdir(filepath.Join(runner, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(runner, "bin", "Runner.Listener"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := settings.Load(settings.Sources{
		Environ: []string{"RUNS_FLEET_GITHUB_TOKEN=x", "RUNS_FLEET_WEBHOOK_SECRET=s"},
		Flags: map[string][]string{
			"data": {filepath.Join(t.TempDir(), "data")}, "repository": {"acme/app"}, "github-url": {github}, "listen": {"127.0.0.1:0"},
			"agent": {"/bin/true"}, "runner-dir": {runner}, "isolation": {"none"}, "log-format": {"json"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

// running is a server in the test's own process.
type running struct {
	ended  chan error
	said   *bufio.Reader
	logged *strings.Builder
	told   []string
}

// begin starts a server and returns once it has said that it is running.
func begin(t *testing.T, s settings.Settings) *running {
	t.Helper()
	out, in := io.Pipe()
	r := &running{ended: make(chan error, 1), said: bufio.NewReader(out), logged: &strings.Builder{}}
	go func() {
		err := serve(context.Background(), s, streams{out: in, err: io.Discard})
		_ = in.Close()
		r.ended <- err
	}()
	r.until(t, "Ctrl-C lets running jobs end")
	return r
}

// until reads what the server says up to a line that holds text.
func (r *running) until(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := r.said.ReadString('\n')
		r.told = append(r.told, line)
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			t.Fatalf("the server ended (%v) before it said %q; it said %q", <-r.ended, text, r.told)
		}
	}
}

// end waits for the server's end, reading what it says meanwhile.
func (r *running) end(t *testing.T) {
	t.Helper()
	if _, err := io.Copy(io.Discard, r.said); err != nil {
		t.Fatal(err)
	}
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
}

func tell(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		t.Fatal(err)
	}
}

func status(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestAServerServesUntilSIGTERMAndStartsAgainAtTheSamePort(t *testing.T) {
	s := quietSettings(t, quietGitHub(t).URL)
	var urls []string
	for range 2 {
		r := begin(t, s)
		f, err := client.ReadServerFile(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, f.URL)
		for path, want := range map[string]int{
			"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/webhook": http.StatusMethodNotAllowed, "/api/v1/status": http.StatusUnauthorized,
		} {
			if got := status(t, f.URL+path); got != want {
				t.Errorf("%s: %d, want %d", path, got, want)
			}
		}
		c, err := client.New(f.URL, f.Token, seam.System{})
		if err != nil {
			t.Fatal(err)
		}
		st, err := c.Status(t.Context())
		if err != nil || st.Intake != "webhook" || st.Isolation != "none" || len(st.Repositories) != 1 || st.Fleet == "" || f.PID != os.Getpid() {
			t.Errorf("%+v %v", st, err)
		}
		tell(t, syscall.SIGTERM)
		r.end(t)
		if _, err := client.ReadServerFile(s.Data); !errors.Is(err, client.ErrNoServer) {
			t.Errorf("server.json is still there: %v", err)
		}
	}
	if urls[0] != urls[1] {
		t.Errorf("agents look for the server at %s, and it is at %s", urls[0], urls[1])
	}
}

func TestASecondServerOnTheSameDirectoryIsRefusedAndToldOfTheFirst(t *testing.T) {
	s := quietSettings(t, quietGitHub(t).URL)
	r := begin(t, s)
	err := serve(t.Context(), s, streams{io.Discard, io.Discard})
	var locked *sqlite.LockedError
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("the second: %v", err)
	}
	tell(t, syscall.SIGTERM)
	r.end(t)
}

func TestTheFirstCtrlCDrainsAndStops(t *testing.T) {
	s := quietSettings(t, quietGitHub(t).URL)
	r := begin(t, s)
	tell(t, syscall.SIGINT)
	r.until(t, "Draining")
	r.until(t, "Drained. Stopping.")
	r.end(t)
}

func TestAServerThatCannotStartSaysWhyAndLeavesNothingOpen(t *testing.T) { // failure mode K6
	github := quietGitHub(t).URL
	for _, tt := range []struct {
		name   string
		change func(*settings.Settings)
		want   string
	}{
		{"no such repository", func(s *settings.Settings) { s.Repositories = []string{"acme/none"} }, "acme/none"},
		{"no agent", func(s *settings.Settings) { s.Agent = "/no/such/agent" }, "the agent that the settings name"},
		{"no runner", func(s *settings.Settings) { s.RunnerDir += "/bin" }, "holds no runner"},
		{"tokens that everyone can read", func(s *settings.Settings) { s.APITokensFile = "/etc/passwd" }, "chmod 600 /etc/passwd"},
		{"a port that is taken", func(s *settings.Settings) { s.Listen = strings.TrimPrefix(github, "http://") }, "choose another address with --listen"},
		{"metrics at a port that is taken", func(s *settings.Settings) {
			s.MetricsListen = strings.TrimPrefix(github, "http://")
		}, "choose another address with --metrics-listen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := quietSettings(t, github)
			tt.change(&s)
			err := serve(t.Context(), s, streams{io.Discard, io.Discard})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if unlock, err := sqlite.Lock(s.Data); err != nil {
				t.Errorf("the data directory is still locked: %v", err)
			} else if err := unlock(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARestartWhileGitHubIsDownGoesOnWithWhatIsKnown(t *testing.T) {
	github := quietGitHub(t)
	s := quietSettings(t, github.URL)
	r := begin(t, s)
	tell(t, syscall.SIGTERM)
	r.end(t)
	github.Close()
	r = begin(t, s)
	tell(t, syscall.SIGTERM)
	r.end(t)
}

func TestExaminingAQuietServerFindsNoProblem(t *testing.T) {
	s := quietSettings(t, quietGitHub(t).URL)
	for _, f := range examine(t.Context(), s) {
		if f.Level == doctor.Problem {
			t.Errorf("%+v", f)
		}
	}
}
