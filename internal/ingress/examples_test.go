package ingress_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/contract"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
)

// example is one event of GitHub's collection of examples.
type example struct {
	Name     string
	Examples []json.RawMessage
}

func examples(t *testing.T, set string) []example {
	t.Helper()
	path, err := contract.Find("webhooks-examples/" + set + "/index.json")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	if err = json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// itsOwner allows whoever an example is about.
func itsOwner(t *testing.T, body []byte) func(*ingress.Options) {
	t.Helper()
	var about struct {
		Repository struct{ Owner struct{ Login string } }
	}
	if err := json.Unmarshal(body, &about); err != nil {
		t.Fatal(err)
	}
	return func(o *ingress.Options) { o.Owners = append(o.Owners, about.Repository.Owner.Login) }
}

// GitHub's own examples of all events are taken as the contract says, and those of jobs lose nothing that we need.
func TestGitHubsExamples(t *testing.T) {
	for _, set := range []string{"api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"} {
		for _, event := range examples(t, set) {
			for i, body := range event.Examples {
				t.Run(fmt.Sprintf("%s/%s/%d", set, event.Name, i), func(t *testing.T) {
					box := &mailbox{}
					w := newWebhook(t, box, itsOwner(t, body))
					if out := serve(w, delivery(event.Name, "g", body)); out.Code != http.StatusAccepted {
						t.Fatalf("answered %d %s", out.Code, out.Body)
					}
					stored := box.sightings(t)
					if event.Name != "workflow_job" {
						if len(stored) != 0 {
							t.Errorf("stored %+v", stored)
						}
						return
					}
					if len(stored) != 1 {
						t.Fatalf("stored %d sightings: %v", len(stored), w.Stats())
					}
					valid(t, stored[0])
					compare(t, body, stored[0])
				})
			}
		}
	}
}

// compare reads an example in another way and looks for what was lost.
func compare(t *testing.T, body []byte, got fleet.Sighting) {
	t.Helper()
	var raw struct {
		Action string         `json:"action"`
		Job    map[string]any `json:"workflow_job"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		t.Fatal(err)
	}
	text := func(key string) string {
		s, _ := raw.Job[key].(string)
		return s
	}
	number := func(key string) int64 {
		n, _ := raw.Job[key].(float64)
		return int64(n)
	}
	var labels []string
	for _, l := range raw.Job["labels"].([]any) {
		labels = append(labels, l.(string))
	}
	want := []any{
		number("id"), number("run_id"), number("run_attempt"), text("name"), text("workflow_name"), text("head_sha"),
		text("head_branch"), text("html_url"), text("runner_name"), number("runner_id"),
	}
	have := []any{
		got.Job, got.Run, int64(got.Attempt), got.Name, got.Workflow, got.HeadSHA, got.Branch, got.URL, got.Runner, got.RunnerID,
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("fields (-example +stored):\n%s", diff)
	}
	if diff := cmp.Diff(labels, got.Labels); len(labels) != 0 && diff != "" {
		t.Errorf("labels (-example +stored):\n%s", diff)
	}
	state := fleet.JobState(raw.Action)
	if raw.Action == "queued" && text("status") == "waiting" {
		state = fleet.JobWaiting
	}
	if got.State != state || got.Created.IsZero() {
		t.Errorf("state %s, created %s; want %s", got.State, got.Created, state)
	}
}
