package ingress_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "It's a Secret to Everybody"

// mailbox is a queue that keeps what it is sent, or refuses it.
type mailbox struct {
	mu     sync.Mutex
	bodies [][]byte
	refuse error
	hang   bool // until the context ends
}

func (m *mailbox) Send(ctx context.Context, messages ...queue.Outgoing) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if m.refuse != nil {
		return m.refuse
	}
	for _, message := range messages {
		if len(message.Body) > queue.MaxBodyBytes {
			return queue.ErrTooLarge
		}
		m.bodies = append(m.bodies, bytes.Clone(message.Body))
	}
	return nil
}

func (m *mailbox) sightings(t testing.TB) []fleet.Sighting {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []fleet.Sighting
	for _, body := range m.bodies {
		event, err := controller.DecodeEvent(body)
		if err != nil {
			t.Fatal(err)
		}
		if event.Job == nil || event.Received.IsZero() {
			t.Fatalf("event without job or time: %s", body)
		}
		all = append(all, *event.Job)
	}
	return all
}

// discard is a queue that takes everything and keeps nothing.
type discard struct{}

func (discard) Send(context.Context, ...queue.Outgoing) error { return nil }

func newWebhook(t testing.TB, q ingress.Sender, change ...func(*ingress.Options)) *ingress.Webhook {
	t.Helper()
	o := ingress.Options{Secrets: []string{secret}, Owners: []string{"Octo-Org"}, Host: "github.com", Queue: q, Clock: seam.System{}}
	for _, c := range change {
		c(&o)
	}
	w, err := ingress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// delivery is a request as GitHub makes it.
func delivery(event, guid string, body []byte, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "GitHub-Hookshot/abc")
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", guid)
	r.Header.Set("X-Hub-Signature-256", sign(secret, body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	return r
}

func serve(w http.Handler, r *http.Request) *httptest.ResponseRecorder {
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

const queuedJob = `{"action":"queued","workflow_job":{"id":9007199254740993,"run_id":77,"run_attempt":2,"workflow_name":"CI",
"head_branch":"main","head_sha":"ec26c3e57ca3a959ca5aad62de7213c562f8c821","name":"test (1)","status":"queued","conclusion":null,
"created_at":"2026-08-01T10:00:00Z","started_at":"2026-08-01T10:00:01Z","completed_at":null,"html_url":"https://github.com/octo-org/app/actions/runs/77/job/5",
"labels":["runs-fleet=77/cpu=4","Linux"],"runner_id":null,"runner_name":null,"runner_group_id":null,"steps":[]},
"repository":{"id":31,"name":"app","full_name":"else/app","private":true,"owner":{"login":"octo-org","id":5}},
"organization":{"login":"octo-org"},"installation":{"id":12},"sender":{"login":"ann"}}`

func queuedSighting() fleet.Sighting {
	return fleet.Sighting{
		Job: 9007199254740993, Run: 77, Attempt: 2, State: fleet.JobQueued, Name: "test (1)", Workflow: "CI", Branch: "main",
		Repository: fleet.Repository{Host: "github.com", ID: 31, Owner: "octo-org", Name: "app", Private: true, Installation: 12},
		HeadSHA:    "ec26c3e57ca3a959ca5aad62de7213c562f8c821", Labels: []string{"runs-fleet=77/cpu=4", "Linux"},
		URL:     "https://github.com/octo-org/app/actions/runs/77/job/5",
		Created: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC), Started: time.Date(2026, 8, 1, 10, 0, 1, 0, time.UTC), Delivery: "g1",
	}
}

// payload is queuedJob with some of its text replaced, in pairs.
func payload(pairs ...string) []byte { return []byte(strings.NewReplacer(pairs...).Replace(queuedJob)) }

// counted fails unless exactly these outcomes were counted.
func counted(t *testing.T, w *ingress.Webhook, want map[ingress.Outcome]uint64) {
	t.Helper()
	for outcome, n := range w.Stats() {
		if n != want[outcome] {
			t.Errorf("counted %d %s, want %d (all: %s)", n, outcome, want[outcome], fmt.Sprint(w.Stats()))
		}
	}
}
