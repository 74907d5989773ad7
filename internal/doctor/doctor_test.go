package doctor_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// levels are the findings' levels; a finding that is not well must say what to do.
func levels(t *testing.T, findings []doctor.Finding) []doctor.Level {
	t.Helper()
	var out []doctor.Level
	for _, f := range findings {
		out = append(out, f.Level)
		if (f.Level == doctor.Problem || f.Level == doctor.Warning) && f.Remedy == "" {
			t.Errorf("%s says no remedy: %s", f.Check, f.Detail)
		}
		if f.Detail == "" {
			t.Errorf("%s says nothing", f.Check)
		}
	}
	return out
}

func TestChecksRunInOrderAndNameTheirFindings(t *testing.T) {
	got := doctor.Run(t.Context(), seam.System{}, []doctor.Check{
		{Name: "a", Run: func(ctx context.Context) []doctor.Finding {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("a check has no deadline")
			}
			return doctor.One(doctor.OK, "well", "")
		}},
		{Name: "b", Run: func(context.Context) []doctor.Finding {
			return []doctor.Finding{{Check: "b: detail", Level: doctor.Warning, Detail: "hm", Remedy: "do"}, {Level: doctor.Problem, Detail: "bad", Remedy: "mend"}}
		}},
	})
	want := []doctor.Finding{
		{Check: "a", Level: doctor.OK, Detail: "well"},
		{Check: "b: detail", Level: doctor.Warning, Detail: "hm", Remedy: "do"},
		{Check: "b", Level: doctor.Problem, Detail: "bad", Remedy: "mend"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if doctor.Sound(got) || !doctor.Sound(got[:2]) {
		t.Error("only a problem makes it unsound")
	}
}

// gitHub is what a client of GitHub would find.
type gitHub struct {
	findings []github.Finding
	private  bool
	err      error
}

func (g gitHub) Check(context.Context, ...fleet.Repository) []github.Finding { return g.findings }

func (g gitHub) Repository(_ context.Context, owner, name string) (fleet.Repository, error) {
	return fleet.Repository{Owner: owner, Name: name, Private: g.private}, g.err
}

func TestFindingsAboutGitHub(t *testing.T) {
	fine := []github.Finding{{Name: "reachable", OK: true, Detail: "https://api.github.com/"}}
	broken := []github.Finding{fine[0], {Name: "credentials", Detail: "401", Remedy: "make a new token"}}
	for _, tt := range []struct {
		name   string
		github gitHub
		public bool
		want   []doctor.Level
	}{
		{"all is well", gitHub{findings: fine, private: true}, false, []doctor.Level{doctor.OK}},
		{"a credential that fails", gitHub{findings: broken, private: true}, false, []doctor.Level{doctor.OK, doctor.Problem}},
		{"a public repository", gitHub{findings: fine}, false, []doctor.Level{doctor.OK, doctor.Warning}},
		{"a public repository that is allowed", gitHub{findings: fine}, true, []doctor.Level{doctor.OK}},
		{"a repository that cannot be seen now", gitHub{findings: fine, err: errors.New("500")}, false, []doctor.Level{doctor.OK}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := doctor.GitHub(t.Context(), tt.github, []fleet.Repository{{Owner: "acme", Name: "app"}}, func(string) bool { return tt.public })
			if diff := cmp.Diff(tt.want, levels(t, found)); diff != "" {
				t.Errorf("%s: %+v", diff, found)
			}
		})
	}
}

func TestFindingsAboutTheWayInForJobs(t *testing.T) {
	healthy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	}))
	defer healthy.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	// A public name that the test's transport leads to its own server.
	to := func(s *httptest.Server) *http.Client {
		return &http.Client{Transport: rewrite{s.Listener.Addr().String(), s.Client().Transport}}
	}
	for _, tt := range []struct {
		name     string
		settings settings.Settings
		call     *http.Client
		want     doctor.Level
	}{
		{"polling", settings.Settings{PollInterval: 10 * time.Second}, to(healthy), doctor.OK},
		{"a webhook that only this machine reaches", settings.Settings{WebhookSecret: "s", Listen: "127.0.0.1:1"}, to(healthy), doctor.Warning},
		{"an unknown address", settings.Settings{WebhookSecret: "s", Listen: "0.0.0.0:1"}, to(healthy), doctor.Warning},
		{"an address of this machine", settings.Settings{WebhookSecret: "s", ExternalURL: "http://localhost:1"}, to(healthy), doctor.Warning},
		{"it answers", settings.Settings{WebhookSecret: "s", ExternalURL: "http://fleet.example/"}, to(healthy), doctor.OK},
		{"something else answers", settings.Settings{WebhookSecret: "s", ExternalURL: "http://fleet.example"}, to(other), doctor.Warning},
		{"nothing answers", settings.Settings{WebhookSecret: "s", ExternalURL: "http://fleet.example"}, &http.Client{Transport: rewrite{"127.0.0.1:1", http.DefaultTransport}}, doctor.Warning},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := doctor.Intake(t.Context(), tt.settings, tt.call)
			if diff := cmp.Diff([]doctor.Level{tt.want}, levels(t, found)); diff != "" {
				t.Errorf("%s: %+v", diff, found)
			}
		})
	}
}

// rewrite sends every request to one address.
type rewrite struct {
	to   string
	next http.RoundTripper
}

func (r rewrite) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Host = r.to
	return r.next.RoundTrip(req)
}

func TestAServerIsNotLookedForWhereNoDirectoryIs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	found := doctor.Server(t.Context(), file, "v1.2.3", webtest.New(t).Clock)
	if diff := cmp.Diff([]doctor.Level{doctor.Skipped}, levels(t, found)); diff != "" {
		t.Errorf("%s: %+v", diff, found)
	}
}

func TestFindingsAboutTheServerOfADataDirectory(t *testing.T) {
	w := webtest.New(t)
	for _, tt := range []struct {
		name string
		file *client.ServerFile
		want doctor.Level
	}{
		{"none has run", nil, doctor.OK},
		{"it answers", &client.ServerFile{URL: w.HTTP.URL, Token: webtest.Token}, doctor.OK},
		{"another version", &client.ServerFile{URL: w.HTTP.URL, Token: webtest.Token, Version: "older"}, doctor.Warning},
		{"it has died", &client.ServerFile{URL: "http://127.0.0.1:1", Token: "x", PID: 7}, doctor.Warning},
		{"another server has its port", &client.ServerFile{URL: w.HTTP.URL, Token: "of the server before"}, doctor.Problem},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, version := t.TempDir(), "v1.2.3"
			if tt.file != nil {
				if err := tt.file.Write(dir); err != nil {
					t.Fatal(err)
				}
				if tt.file.Version != "" {
					version = "v1.2.4"
				}
			}
			found := doctor.Server(t.Context(), dir, version, w.Clock)
			if diff := cmp.Diff([]doctor.Level{tt.want}, levels(t, found)); diff != "" {
				t.Errorf("%s: %+v", diff, found)
			}
		})
	}
}
