package github_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/github"
)

// verdicts maps each finding's name to whether it is well, and asserts that every problem has a remedy.
func verdicts(t *testing.T, findings []github.Finding) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, f := range findings {
		all[f.Name] = f.OK
		if f.Detail == "" || f.OK != (f.Remedy == "") {
			t.Errorf("finding %+v", f)
		}
	}
	return all
}

const goodApp = `{"id":4711,"name":"Fleet","slug":"fleet","events":["workflow_job"],
"permissions":{"actions":"write","administration":"write","checks":"write","metadata":"read"}}`

func TestCheckOfAnApp(t *testing.T) {
	const installed = `[{"id":12,"account":{"login":"octo-org"},"permissions":{"actions":"write","administration":"write","checks":"write","metadata":"read"}}]`
	well := map[string]bool{
		"reachable": true, "clock": true, "credentials": true, "permissions": true, "events": true,
		"installation octo-org": true, "repository octo-org/app": true,
	}
	tests := []struct {
		name   string
		change func(*hub)
		bad    []string
	}{
		{"all is well", func(*hub) {}, nil},
		{
			"a wrong key", func(h *hub) { h.on("GET /app", always(401, `{"message":"A JSON web token could not be decoded"}`)) },
			[]string{"credentials", "-permissions", "-events", "-installation octo-org"},
		},
		{
			"less than is needed", func(h *hub) {
				h.on("GET /app", always(200, strings.Replace(goodApp, `"administration":"write"`, `"administration":"read"`, 1)))
			},
			[]string{"permissions"},
		},
		{"no events", func(h *hub) { h.on("GET /app", always(200, strings.Replace(goodApp, `workflow_job`, `push`, 1))) }, []string{"events"}},
		{"suspended", func(h *hub) {
			h.on("GET /app/installations", always(200, `[{"id":12,"account":{"login":"octo-org"},"suspended_at":"2026-01-01T00:00:00Z"}]`))
		}, []string{"installation octo-org"}},
		{"permissions not yet accepted", func(h *hub) {
			h.on("GET /app/installations", always(200, strings.Replace(installed, `"checks":"write",`, ``, 1)))
		}, []string{"installation octo-org"}},
		{"a repository without administration", func(h *hub) {
			h.on("GET /repos/octo-org/app/actions/runners", always(403, `{"message":"Resource not accessible by integration"}`))
		}, []string{"repository octo-org/app"}},
		{"a repository without actions", func(h *hub) {
			h.on("GET /repos/octo-org/app/actions/runs", always(403, `{"message":"Resource not accessible by integration"}`))
		}, []string{"repository octo-org/app"}},
		{"a clock that is wrong", func(h *hub) {
			h.on("GET /rate_limit", func(w http.ResponseWriter, _ *http.Request) {
				answer(w, 200, `{}`, "Date", time.Now().UTC().Add(2*time.Minute).Format(http.TimeFormat))
			})
		}, []string{"clock"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHub(t)
				tt.change(h)
				for pattern, f := range map[string]http.HandlerFunc{
					"GET /app": always(200, goodApp), "GET /app/installations": always(200, installed),
					"GET /rate_limit": always(200, `{}`), "GET /repos/octo-org/app": always(200, visibleRepo),
					"GET /repos/octo-org/app/actions/runners": always(200, `{"total_count":0,"runners":[]}`),
					"GET /repos/octo-org/app/actions/runs":    always(200, `{"total_count":0,"workflow_runs":[]}`),
				} {
					h.fallback(pattern, f)
				}
				h.issuesTokens()
				want := map[string]bool{}
				for name := range well {
					want[name] = true
				}
				for _, name := range tt.bad {
					if rest, left := strings.CutPrefix(name, "-"); left {
						delete(want, rest)
						continue
					}
					want[name] = false
				}
				if diff := cmp.Diff(want, verdicts(t, h.client(asApp).Check(t.Context(), repo()))); diff != "" {
					t.Errorf("findings (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestCheckOfAPersonalToken(t *testing.T) {
	h := newHub(t)
	h.on("GET /rate_limit", always(200, `{"resources":{"core":{"limit":5000,"remaining":4000,"reset":1}}}`))
	h.on("GET /repos/octo-org/app", always(200, strings.Replace(visibleRepo, "true", "false", 1)))
	h.on("GET /repos/octo-org/app/actions/runners", always(200, `{"total_count":0,"runners":[]}`))
	h.on("GET /repos/octo-org/app/actions/runs", always(200, `{"total_count":0,"workflow_runs":[]}`))
	findings := h.client().Check(t.Context(), repo())
	for name, ok := range verdicts(t, findings) {
		if !ok {
			t.Errorf("%s is not well: %+v", name, findings)
		}
	}
	if last := findings[len(findings)-1]; !strings.Contains(last.Detail, "public") {
		t.Errorf("nobody says that the repository is public: %+v", last)
	}
	bad := newHub(t)
	bad.on("GET /rate_limit", always(401, `{"message":"Bad credentials"}`))
	got := verdicts(t, bad.client().Check(t.Context(), repo()))
	if got["credentials"] || got["repository octo-org/app"] || !got["reachable"] {
		t.Errorf("findings %v", got)
	}
}

func TestCheckWithoutAWayToGitHub(t *testing.T) {
	h := newHub(t)
	h.on("GET /rate_limit", always(broken, ``))
	if got := verdicts(t, h.client().Check(t.Context(), repo())); len(got) != 1 || got["reachable"] {
		t.Errorf("findings %v, want that GitHub is out of reach and nothing else", got)
	}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.on("GET /rate_limit", always(200, `{"resources":{"core":{"limit":5000,"remaining":4000,"reset":946688400,"used":1000},
		"actions_runner_registration":{"limit":10000,"remaining":10000,"reset":946688400}}}`))
		got, err := h.client().RateLimit(t.Context(), repo())
		if err != nil {
			t.Fatal(err)
		}
		reset := time.Unix(946688400, 0).UTC()
		want := []github.Limit{
			{Resource: "actions_runner_registration", Limit: 10000, Remaining: 10000, Reset: reset},
			{Resource: "core", Limit: 5000, Remaining: 4000, Reset: reset},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limits (-want +got):\n%s", diff)
		}
	})
}
