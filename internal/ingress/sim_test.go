package ingress_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
)

// direct sends the simulator's webhooks to a handler.
type direct struct{ to http.Handler }

func (d direct) Send(ctx context.Context, r githubsim.HookRequest) githubsim.HookResponse {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/webhook", bytes.NewReader(r.Body))
	request.Header = r.Header.Clone()
	out := httptest.NewRecorder()
	d.to.ServeHTTP(out, request)
	return githubsim.HookResponse{StatusCode: out.Code, Status: http.StatusText(out.Code), Header: out.Header(), Body: out.Body.String()}
}

func TestWebhooksOfASimulatedGitHub(t *testing.T) {
	const workflow = `
on: workflow_dispatch
jobs:
  build:
    strategy: {matrix: {n: [1, 2]}}
    runs-on: runs-fleet=1
    steps: [{run: "true"}]
  deploy:
    environment: production
    runs-on: [runs-fleet=2, Linux]
    steps: [{run: "true"}]
`
	box := &mailbox{}
	w := newWebhook(t, box)
	sim, err := githubsim.New(githubsim.Options{
		Passive: true, Sender: direct{w}, Webhook: githubsim.Webhook{URL: "http://fleet.test/webhook", Secret: secret},
		PersonalTokens: []githubsim.PersonalToken{{Token: "t", Login: "ann"}},
		Repositories: []githubsim.RepositorySpec{{
			Owner: "octo-org", Name: "app", Private: true, Organization: true,
			Environments: []githubsim.EnvironmentSpec{{Name: "production", Protected: true}},
		}},
		Faults: githubsim.Faults{WebhookRepeated: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	sim.Ping()
	if _, err = sim.Commit(simclient.File{Repository: "octo-org/app", Path: ".github/workflows/ci.yml", Content: workflow}); err != nil {
		t.Fatal(err)
	}
	run, err := sim.Dispatch(simclient.Dispatch{Repository: "octo-org/app", Path: ".github/workflows/ci.yml"})
	if err != nil {
		t.Fatal(err)
	}
	sim.Step(t.Context())
	got := map[string]string{}
	for _, s := range box.sightings(t) {
		if s.Run != run.ID || s.Created.IsZero() || !s.Repository.Private || len(s.Labels) == 0 {
			t.Errorf("sighting %+v", s)
		}
		got[s.Name] = string(s.State)
	}
	want := map[string]string{"build (1)": "queued", "build (2)": "queued", "deploy": "waiting"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	stats := w.Stats()
	if stats[ingress.Stored] != 3 || stats[ingress.Repeated] != 3 || stats[ingress.BadSignature]+stats[ingress.Malformed] != 0 {
		t.Errorf("counted %v", stats)
	}
	for _, d := range sim.Deliveries() {
		if d.StatusCode != http.StatusAccepted {
			t.Errorf("%s %s was answered %d", d.Event, d.Action, d.StatusCode)
		}
	}
}
