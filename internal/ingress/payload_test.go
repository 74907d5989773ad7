package ingress_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// one stores a payload and returns what the controller will read.
func one(t *testing.T, body []byte) fleet.Sighting {
	t.Helper()
	box := &mailbox{}
	if out := serve(newWebhook(t, box), delivery("workflow_job", "g1", body)); out.Code != http.StatusAccepted {
		t.Fatalf("answered %d %s", out.Code, out.Body)
	}
	all := box.sightings(t)
	if len(all) != 1 {
		t.Fatalf("stored %d sightings", len(all))
	}
	return all[0]
}

func TestActionAndStatusTogetherSayTheState(t *testing.T) { // rule 5.2
	tests := []struct {
		action, status string
		want           fleet.JobState
	}{
		{"queued", "queued", fleet.JobQueued},
		{"queued", "waiting", fleet.JobWaiting},
		{"queued", "pending", fleet.JobWaiting},
		{"queued", "", fleet.JobQueued},
		{"waiting", "waiting", fleet.JobWaiting},
		{"in_progress", "in_progress", fleet.JobInProgress},
		{"in_progress", "queued", fleet.JobInProgress},
		{"completed", "completed", fleet.JobCompleted},
		{"completed", "in_progress", fleet.JobCompleted},
	}
	for _, tt := range tests {
		got := one(t, payload(`"action":"queued"`, `"action":"`+tt.action+`"`, `"status":"queued"`, `"status":"`+tt.status+`"`))
		if got.State != tt.want {
			t.Errorf("action %s, status %q: %s, want %s", tt.action, tt.status, got.State, tt.want)
		}
	}
}

func TestARunnerThatIsNone(t *testing.T) {
	for _, none := range []string{`"runner_id":null,"runner_name":null`, `"runner_id":0,"runner_name":""`, `"runner_id":"","runner_name":""`, `"x":1`} {
		got := one(t, payload(`"runner_id":null,"runner_name":null`, none))
		if got.Runner != "" || got.RunnerID != 0 {
			t.Errorf("%s: runner %q %d, want none", none, got.Runner, got.RunnerID)
		}
	}
	got := one(t, payload(`"runner_id":null,"runner_name":null`, `"runner_id":8,"runner_name":"m-1"`, `"action":"queued"`, `"action":"in_progress"`))
	if got.Runner != "m-1" || got.RunnerID != 8 {
		t.Errorf("runner %q %d, want m-1 8", got.Runner, got.RunnerID)
	}
}

func TestAnEndAndItsConclusion(t *testing.T) {
	ended := payload(`"action":"queued"`, `"action":"completed"`, `"conclusion":null`, `"conclusion":"cancelled"`,
		`"completed_at":null`, `"completed_at":"2026-08-01T10:05:00.123Z"`)
	got := one(t, ended)
	if got.Conclusion != "cancelled" || !got.Ended.Equal(time.Date(2026, 8, 1, 10, 5, 0, 123e6, time.UTC)) {
		t.Errorf("conclusion %q, ended %s", got.Conclusion, got.Ended)
	}
	got = one(t, payload(`"conclusion":null`, `"conclusion":"success"`, `"completed_at":null`, `"completed_at":"2026-08-01T10:05:00Z"`))
	if got.Conclusion != "" || !got.Ended.IsZero() {
		t.Errorf("a queued job has conclusion %q and ended %s", got.Conclusion, got.Ended)
	}
}

func TestAnOldOrSparsePayload(t *testing.T) {
	const sparse = `{"action":"in_progress","workflow_job":{"id":1,"run_id":2,"started_at":1785578400,"labels":null,"runner_name":"r"},
	"repository":{"id":3,"name":"app","owner":{"login":"octo-org"}}}`
	want := fleet.Sighting{
		Job: 1, Run: 2, State: fleet.JobInProgress, Runner: "r", Delivery: "g1",
		Repository: fleet.Repository{Host: "github.com", ID: 3, Owner: "octo-org", Name: "app"},
		Created:    time.Unix(1785578400, 0).UTC(), Started: time.Unix(1785578400, 0).UTC(),
	}
	if diff := cmp.Diff(want, one(t, []byte(sparse))); diff != "" {
		t.Errorf("sighting (-want +got):\n%s", diff)
	}
}

func TestIdsComeFromTheirFields(t *testing.T) { // failure mode A6
	got := one(t, payload(`runs-fleet=77/cpu=4`, `runs-fleet=oops/cpu=4`))
	if got.Job != 9007199254740993 || got.Run != 77 {
		t.Errorf("job %d, run %d: want those of the payload's own fields, all 64 bits of them", got.Job, got.Run)
	}
}
