package ingress_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
)

// FuzzWebhook signs whatever it is given: the answer is one of the contract's, and what is stored is a sighting that the
// controller can act on.
func FuzzWebhook(f *testing.F) { // failure mode A5
	f.Add("workflow_job", "application/json", []byte(queuedJob))
	f.Add("workflow_job", "application/x-www-form-urlencoded", []byte("payload=%7B%22action%22%3A%22queued%22%7D"))
	f.Add("workflow_job", "application/json", []byte(`{"action":"queued","workflow_job":null,"repository":[]}`))
	f.Add("workflow_job", "application/json", payload(`"runner_id":null`, `"runner_id":"9"`, `"2026-08-01T10:00:00Z"`, `-62135596801`))
	f.Add("ping", "", []byte("\x00"))
	f.Fuzz(func(t *testing.T, event, contentType string, body []byte) {
		box := &mailbox{}
		w := newWebhook(t, box)
		r := delivery(event, "guid", body)
		r.Header["Content-Type"] = []string{contentType}
		r.Header["X-Github-Event"] = []string{event}
		out := serve(w, r)
		if !slices.Contains([]int{http.StatusAccepted, http.StatusBadRequest}, out.Code) {
			t.Fatalf("answered %d %s to a signed body", out.Code, out.Body)
		}
		stored := box.sightings(t)
		if uint64(len(stored)) != w.Stats()[ingress.Stored] {
			t.Fatalf("stored %d, counted %d", len(stored), w.Stats()[ingress.Stored])
		}
		for _, s := range stored {
			valid(t, s)
			if !strings.EqualFold(s.Repository.Owner, "octo-org") {
				t.Errorf("stored for %q, who is not allowed", s.Repository.Owner)
			}
		}
	})
}

func valid(t *testing.T, s fleet.Sighting) {
	t.Helper()
	switch {
	case s.Job <= 0, s.Run <= 0, s.Attempt < 0, s.RunnerID < 0:
		t.Errorf("ids of %+v", s)
	case s.State.Rank() == 0:
		t.Errorf("state %q", s.State)
	case s.Repository.ID <= 0, s.Repository.Owner == "", s.Repository.Name == "", s.Repository.Host != "github.com":
		t.Errorf("repository %+v", s.Repository)
	case s.Authoritative, s.RunAlive, !s.Asked.IsZero():
		t.Errorf("a webhook passes for an answer: %+v", s)
	case s.State != fleet.JobCompleted && (s.Conclusion != "" || !s.Ended.IsZero()):
		t.Errorf("ended and not completed: %+v", s)
	}
}
