package ingress_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestADeliveryIsStoredBeforeItIsAcknowledged(t *testing.T) { // failure mode A2
	box := &mailbox{}
	w := newWebhook(t, box)
	if out := serve(w, delivery("workflow_job", "g1", []byte(queuedJob))); out.Code != http.StatusAccepted {
		t.Fatalf("answered %d %s", out.Code, out.Body)
	}
	if diff := cmp.Diff([]fleet.Sighting{queuedSighting()}, box.sightings(t)); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	counted(t, w, map[ingress.Outcome]uint64{ingress.Stored: 1})
}

func TestAnswers(t *testing.T) { // failure mode L2
	tests := []struct {
		name    string
		event   string
		body    []byte
		headers []string
		code    int
		outcome ingress.Outcome
		says    string
	}{
		{"a ping", "ping", []byte(`{"zen":"x","hook_id":1}`), nil, 202, ingress.Ping, "works"},
		{"a hint about a run", "workflow_run", []byte(`{"action":"completed"}`), nil, 202, ingress.Hint, "not needed"},
		{"an event we do not take", "installation", []byte(`{"action":"created"}`), nil, 202, ingress.Ignored, "not an event"},
		{"an event nobody knows", "comet", []byte(`not even JSON`), nil, 202, ingress.Ignored, "not an event"},
		{"an action nobody knows", "workflow_job", payload(`"action":"queued"`, `"action":"dreamt"`), nil, 202, ingress.Ignored, "not an action"},
		{"an owner who is not allowed", "workflow_job", payload(`"login":"octo-org","id":5`, `"login":"mallory"`), nil, 202, ingress.Refused, "owner"},
		{"an owner in another case", "workflow_job", payload(`"login":"octo-org","id":5`, `"login":"OCTO-ORG"`), nil, 202, ingress.Stored, "stored"},
		{"no signature", "workflow_job", []byte(queuedJob), []string{"X-Hub-Signature-256", ""}, 401, ingress.BadSignature, "secret"},
		{"a forged signature", "workflow_job", []byte(queuedJob), []string{"X-Hub-Signature-256", sign("guess", []byte(queuedJob))}, 401, ingress.BadSignature, "secret"},
		{"the signature of another body", "workflow_job", []byte(queuedJob), []string{"X-Hub-Signature-256", sign(secret, []byte("x"))}, 401, ingress.BadSignature, "secret"},
		{"the old SHA-1 signature", "workflow_job", []byte(queuedJob), []string{"X-Hub-Signature-256", "sha1=0123456789"}, 401, ingress.BadSignature, "secret"},
		{"a forged ping", "ping", []byte(`{}`), []string{"X-Hub-Signature-256", sign("guess", []byte(`{}`))}, 401, ingress.BadSignature, "secret"},
		{"no event", "", []byte(queuedJob), nil, 400, ingress.Malformed, "X-GitHub-Event"},
		{"a truncated body, signed so", "workflow_job", []byte(queuedJob)[:200], nil, 400, ingress.Malformed, "cannot be read"},
		{"nothing", "workflow_job", nil, nil, 400, ingress.Malformed, "cannot be read"},
		{"null", "workflow_job", []byte("null"), nil, 400, ingress.Malformed, "no action"},
		{"no job", "workflow_job", []byte(`{"action":"queued","workflow_job":null}`), nil, 400, ingress.Malformed, "workflow_job.id"}, // failure mode A5
		{"no run", "workflow_job", payload(`"run_id":77`, `"run_id":null`), nil, 400, ingress.Malformed, "run_id"},
		{"an id that is no number", "workflow_job", payload(`"run_id":77`, `"run_id":"77"`), nil, 400, ingress.Malformed, "cannot be read"},
		{"no repository", "workflow_job", payload(`"repository"`, `"repo"`), nil, 400, ingress.Malformed, "repository.id"},
		{"a path as a name", "workflow_job", payload(`"name":"app"`, `"name":".."`), nil, 400, ingress.Malformed, "repository.name"},
		{"a slash in the owner", "workflow_job", payload(`"login":"octo-org","id":5`, `"login":"octo-org/x"`), nil, 400, ingress.Malformed, "owner.login"},
		{"a time that is none", "workflow_job", payload(`"2026-08-01T10:00:00Z"`, `"yesterday"`), nil, 400, ingress.Malformed, "not a time"},
		{"a time that no row can hold", "workflow_job", payload(`"2026-08-01T10:00:00Z"`, `99999999999999`), nil, 400, ingress.Malformed, "not a time"},
		{"labels beyond reason", "workflow_job", payload(`"Linux"`, `"`+strings.Repeat("x", 300<<10)+`"`), nil, 400, ingress.Malformed, "longer"},
		{"a content type we do not read", "workflow_job", []byte(queuedJob), []string{"Content-Type", "text/xml"}, 400, ingress.Malformed, "application/json"},
		{"no content type", "workflow_job", []byte(queuedJob), []string{"Content-Type", ""}, 400, ingress.Malformed, "content type"},
		{"a character set", "workflow_job", []byte(queuedJob), []string{"Content-Type", "application/json; charset=utf-8"}, 202, ingress.Stored, "stored"},
		{"a form", "workflow_job", []byte("payload=" + url.QueryEscape(queuedJob)), []string{"Content-Type", "application/x-www-form-urlencoded"}, 202, ingress.Stored, "stored"},
		{"a form without payload", "workflow_job", []byte("a=b"), []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, ingress.Malformed, "payload"},
		{"a broken form", "workflow_job", []byte("payload=%zz"), []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, ingress.Malformed, "form"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			box := &mailbox{}
			w := newWebhook(t, box)
			out := serve(w, delivery(tt.event, "g1", tt.body, tt.headers...))
			if out.Code != tt.code || !strings.Contains(out.Body.String(), tt.says) {
				t.Errorf("answered %d %q, want %d and something of %q", out.Code, out.Body, tt.code, tt.says)
			}
			counted(t, w, map[ingress.Outcome]uint64{tt.outcome: 1})
			stored := 0
			if tt.outcome == ingress.Stored {
				stored = 1
			}
			if n := len(box.sightings(t)); n != stored {
				t.Errorf("stored %d, want %d", n, stored)
			}
		})
	}
}

func TestOnlyPostIsADelivery(t *testing.T) {
	out := serve(newWebhook(t, discard{}), httptest.NewRequest(http.MethodGet, "/webhook", nil))
	if out.Code != http.StatusMethodNotAllowed || out.Header().Get("Allow") != "POST" {
		t.Errorf("answered %d, Allow %q", out.Code, out.Header().Get("Allow"))
	}
}

func TestWhatIsLargerThanGitHubSends(t *testing.T) {
	for _, announced := range []bool{true, false} {
		t.Run(fmt.Sprintf("announced %v", announced), func(t *testing.T) {
			w := newWebhook(t, discard{})
			r := delivery("workflow_job", "g1", bytes.Repeat([]byte("x"), ingress.MaxBodyBytes+1))
			if !announced {
				r.ContentLength = -1
			}
			if out := serve(w, r); out.Code != http.StatusRequestEntityTooLarge {
				t.Errorf("answered %d, want 413", out.Code)
			}
			counted(t, w, map[ingress.Outcome]uint64{ingress.TooLarge: 1})
		})
	}
	t.Run("exactly the limit is read", func(t *testing.T) {
		w := newWebhook(t, discard{})
		body := append([]byte(queuedJob), bytes.Repeat([]byte(" "), ingress.MaxBodyBytes-len(queuedJob))...)
		if out := serve(w, delivery("workflow_job", "g1", body)); out.Code != http.StatusAccepted {
			t.Errorf("answered %d %s, want 202", out.Code, out.Body)
		}
	})
}

func TestTwoSecretsWhileOneIsReplaced(t *testing.T) {
	w := newWebhook(t, discard{}, func(o *ingress.Options) { o.Secrets = []string{"new", secret} })
	for key, code := range map[string]int{"new": 202, secret: 202, "older": 401} {
		out := serve(w, delivery("ping", "g", []byte("{}"), "X-Hub-Signature-256", sign(key, []byte("{}"))))
		if out.Code != code {
			t.Errorf("signed with %q: answered %d, want %d", key, out.Code, code)
		}
	}
}

func TestSignatureOfGitHubsDocumentation(t *testing.T) {
	w := newWebhook(t, discard{})
	const documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	out := serve(w, delivery("ping", "g", []byte("Hello, World!"), "X-Hub-Signature-256", documented))
	if out.Code != http.StatusAccepted {
		t.Errorf("answered %d %s", out.Code, out.Body)
	}
}

func TestARepeatedDeliveryIsStoredOnce(t *testing.T) { // failure modes B2, L7
	synctest.Test(t, func(t *testing.T) {
		box := &mailbox{}
		w := newWebhook(t, box)
		post := func(guid string, body []byte) {
			t.Helper()
			if out := serve(w, delivery("workflow_job", guid, body)); out.Code != http.StatusAccepted {
				t.Fatalf("answered %d", out.Code)
			}
		}
		post("g1", []byte(queuedJob))
		post("g1", []byte(queuedJob))
		counted(t, w, map[ingress.Outcome]uint64{ingress.Stored: 1, ingress.Repeated: 1})

		// The GUID alone is not signed, so another body under it is another delivery.
		post("g1", payload(`"action":"queued"`, `"action":"completed"`))
		post("g2", []byte(queuedJob))
		post("", []byte(queuedJob))
		post("", []byte(queuedJob))
		counted(t, w, map[ingress.Outcome]uint64{ingress.Stored: 5, ingress.Repeated: 1})

		// After the memory's time a person may redeliver what was lost behind the queue.
		_ = seam.System{}.Sleep(t.Context(), 11*time.Minute)
		post("g1", []byte(queuedJob))
		counted(t, w, map[ingress.Outcome]uint64{ingress.Stored: 6, ingress.Repeated: 1})
	})
}

func TestWhatCannotBeStoredIsNotAcknowledged(t *testing.T) {
	t.Run("and may be delivered again", func(t *testing.T) {
		box := &mailbox{refuse: errors.New("disk full")}
		w := newWebhook(t, box)
		out := serve(w, delivery("workflow_job", "g1", []byte(queuedJob)))
		if out.Code != http.StatusServiceUnavailable || out.Header().Get("Retry-After") == "" {
			t.Errorf("answered %d, Retry-After %q", out.Code, out.Header().Get("Retry-After"))
		}
		if strings.Contains(out.Body.String(), "disk full") {
			t.Errorf("a stranger is told about our disk: %s", out.Body)
		}
		box.refuse = nil
		if out = serve(w, delivery("workflow_job", "g1", []byte(queuedJob))); out.Code != http.StatusAccepted {
			t.Errorf("answered %d after the queue recovered", out.Code)
		}
		counted(t, w, map[ingress.Outcome]uint64{ingress.Unstored: 1, ingress.Stored: 1})
	})
	t.Run("within a second, even when the queue hangs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWebhook(t, &mailbox{hang: true})
			start := time.Now()
			out := serve(w, delivery("workflow_job", "g1", []byte(queuedJob)))
			if took := time.Since(start); out.Code != http.StatusServiceUnavailable || took >= time.Second {
				t.Errorf("answered %d after %s", out.Code, took)
			}
		})
	})
}

func TestAClientThatLeavesDoesNotStopTheStoring(t *testing.T) { // failure mode A3
	box := &mailbox{}
	w := newWebhook(t, box)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	serve(w, delivery("workflow_job", "g1", []byte(queuedJob)).WithContext(ctx))
	if len(box.sightings(t)) != 1 {
		t.Error("a delivery that was read in full was not stored")
	}
}

func TestBodiesHaveSoMuchMemory(t *testing.T) {
	w := newWebhook(t, discard{}, func(o *ingress.Options) { o.BufferBytes = 64 << 10 })
	if out := serve(w, delivery("ping", "g", bytes.Repeat([]byte("x"), 100<<10))); out.Code != http.StatusServiceUnavailable {
		t.Errorf("answered %d, want 503", out.Code)
	}
	for range 10 { // what was used has been given back
		if out := serve(w, delivery("ping", "g", bytes.Repeat([]byte("x"), 40<<10))); out.Code != http.StatusAccepted {
			t.Fatalf("answered %d, want 202", out.Code)
		}
	}
	counted(t, w, map[ingress.Outcome]uint64{ingress.Overloaded: 1, ingress.Ping: 10})
}

func TestABodyThatBreaksOff(t *testing.T) {
	w := newWebhook(t, discard{})
	r := delivery("ping", "g", nil)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{}))
	if out := serve(w, r); out.Code != http.StatusBadRequest {
		t.Errorf("answered %d, want 400", out.Code)
	}
	counted(t, w, map[ingress.Outcome]uint64{ingress.Broken: 1})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestOverARealConnection(t *testing.T) {
	box := &mailbox{}
	server := httptest.NewUnstartedServer(newWebhook(t, box))
	ingress.Harden(server.Config)
	server.Start()
	defer server.Close()
	for i := range 3 {
		r := delivery("workflow_job", fmt.Sprint("g", i), []byte(queuedJob))
		r.RequestURI = ""
		r.URL, _ = url.Parse(server.URL + "/webhook")
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Fatalf("answered %d", resp.StatusCode)
		}
	}
	if n := len(box.sightings(t)); n != 3 {
		t.Errorf("stored %d, want 3", n)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	tests := map[string]func(*ingress.Options){
		"no secret":         func(o *ingress.Options) { o.Secrets = nil },
		"an empty secret":   func(o *ingress.Options) { o.Secrets = []string{"a", ""} },
		"three secrets":     func(o *ingress.Options) { o.Secrets = []string{"a", "b", "c"} },
		"nobody is allowed": func(o *ingress.Options) { o.Owners = nil },
		"no host":           func(o *ingress.Options) { o.Host = "" },
		"no queue":          func(o *ingress.Options) { o.Queue = nil },
		"no clock":          func(o *ingress.Options) { o.Clock = nil },
	}
	for name, change := range tests {
		o := ingress.Options{Secrets: []string{"s"}, Owners: []string{"o"}, Host: "github.com", Queue: discard{}}
		o.Clock = seam.System{}
		change(&o)
		if _, err := ingress.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
