package endtoend_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

func (s *system) faults(f githubsim.Faults) {
	s.t.Helper()
	if err := s.client.SetFaults(s.t.Context(), f); err != nil {
		s.t.Fatal(err)
	}
}

// deliver posts a body as GitHub would, and returns the status.
func (s *system) deliver(event string, body []byte, secret string) int {
	s.t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write(body)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.serverFile().URL+"/webhook", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", event)
	req.Header.Set("X-GitHub-Delivery", "11111111-2222-3333-4444-555555555555")
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func TestWebhookContract(t *testing.T) {
	s := start(t, options{})
	foreign := `{"action":"queued","workflow_job":{"id":1,"run_id":1,"status":"queued","labels":["runs-fleet=1"]},
		"repository":{"id":9,"name":"x","full_name":"stranger/x","owner":{"login":"stranger"},"private":true}}`
	tests := []struct {
		name, event string
		body        []byte
		secret      string
		want        int
	}{
		{"forged", "workflow_job", []byte(foreign), "another secret", http.StatusUnauthorized},
		{"truncated", "workflow_job", []byte(foreign[:80]), webhookSecret, http.StatusBadRequest},
		{"an event that we do not know", "marketplace_purchase", []byte(`{}`), webhookSecret, http.StatusAccepted},
		{"an owner that may not use the fleet", "workflow_job", []byte(foreign), webhookSecret, http.StatusAccepted},
		{"oversized", "workflow_job", bytes.Repeat([]byte(" "), 25<<20+1), webhookSecret, http.StatusRequestEntityTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := s.deliver(tt.event, tt.body, tt.secret); got != tt.want {
				t.Errorf("status %d, want %d", got, tt.want)
			}
		})
	}
	out, err := s.cli("jobs", "list", "--output", "json")
	if err != nil || strings.Contains(out, "stranger") {
		t.Errorf("jobs = %s, %v: nothing of these may be stored", out, err)
	}
}

func TestWebhooksThatMisbehave(t *testing.T) {
	// lost, never attempted, repeated, late, reordered: every job runs once all the same
	tests := []struct {
		name string
		f    githubsim.Faults
	}{
		{"repeated", githubsim.Faults{WebhookRepeated: 1}},
		{"reordered", githubsim.Faults{WebhookReordered: 0.7}},
		{"late", githubsim.Faults{WebhookDelayed: 1, WebhookDelay: githubsim.Duration(15 * time.Second)}},
		{"completed never sent", githubsim.Faults{CompletedNeverSent: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, options{maxRunners: 3})
			s.faults(tt.f)
			run := s.workflow("matrix.yml", strings.ReplaceAll(burst, "m: [0, 1, 2, 3, 4]", "m: [0]"))
			s.await(2*time.Minute, "all jobs are done", func() bool { return s.done(run) })
			s.ranOnce(10)
			s.await(2*time.Minute, "nothing is left", s.nothingLeft)
		})
	}
}

func TestLostWebhooksAreFoundByTheScan(t *testing.T) { // failure modes A1, L2, L5
	for name, tt := range map[string]struct {
		f githubsim.Faults
		o options
	}{
		"lost":                              {githubsim.Faults{WebhookLost: 1}, options{}},
		"never attempted":                   {githubsim.Faults{WebhookNeverAttempted: 1}, options{}},
		"never attempted, to three servers": {githubsim.Faults{WebhookNeverAttempted: 1}, options{replicas: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, tt.o)
			s.faults(tt.f)
			run := s.workflow("hello.yml", oneJob)
			s.await(100*time.Second, "the job is done", func() bool { return s.done(run) }) // the scan runs every minute
			s.await(2*time.Minute, "nothing is left", s.nothingLeft)
		})
	}
}

func TestTakenRunnerIsReplacedAtOnce(t *testing.T) { // failure mode F1
	const bound = 10 * time.Second // after GitHub's event, boot included here
	if d := takenRunner(t, options{maxRunners: 2, bootDelay: 3 * time.Second}); d > bound {
		t.Errorf("the taken runner was made good after %s", d)
	}
}

func TestTakenRunnerIsReplacedBehindSeveralServers(t *testing.T) { // failure mode F1
	takenRunner(t, options{replicas: 3, maxRunners: 2, bootDelay: 3 * time.Second})
}

// takenRunner lets GitHub give a runner that was registered for job A to job B (same labels), which leads to a second runner,
// and returns how long that took.
func takenRunner(t *testing.T, o options) time.Duration {
	t.Helper()
	s := start(t, o)
	two := `
on: workflow_dispatch
jobs:
  work:
    runs-on: runs-fleet/cpu=2
    steps:
      - run: sleep 8; echo "ran"
`
	s.faults(githubsim.Faults{WebhookNeverAttempted: 1})
	b := s.workflow("b.yml", two) // unknown to the fleet until something names it
	s.faults(githubsim.Faults{})
	a := s.workflow("a.yml", two)
	taken := time.Time{}
	s.await(time.Minute, "B has A's runner", func() bool {
		taken = s.jobs(b)[0].StartedAt
		return !taken.IsZero()
	})
	s.await(30*time.Second, "A has another", func() bool { return !s.jobs(a)[0].StartedAt.IsZero() })
	took := s.jobs(a)[0].StartedAt.Sub(taken)
	s.await(time.Minute, "both are done", func() bool { return s.done(a) && s.done(b) })
	s.await(time.Minute, "nothing is left", s.nothingLeft)
	return took
}

func TestLabelErrorIsReported(t *testing.T) {
	s := start(t, options{})
	run := s.workflow("typo.yml", strings.ReplaceAll(oneJob, "/cpu=2", "/cpus=2"))
	var reports []simclient.Report
	s.await(20*time.Second, "the commit says what is wrong", func() bool {
		var err error
		if reports, err = s.client.Reports(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(reports) > 0
	})
	if r := reports[0]; r.SHA != run.SHA || !strings.Contains(r.Title+r.Summary+r.Text, "cpus") {
		t.Errorf("report = %+v", r)
	}
	why, err := s.cli("jobs", "why", fmt.Sprint(s.jobs(run)[0].ID))
	if err != nil || !strings.Contains(why, "cpus") {
		t.Errorf("jobs why = %s, %v", why, err)
	}
	if n := len(s.agents()); n != 0 {
		t.Errorf("a label error cost %d machines", n)
	}
}
