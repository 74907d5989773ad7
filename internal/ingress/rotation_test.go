package ingress_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// vault is secrets that are replaced; what is new shows at a refresh only.
type vault struct {
	mu        sync.Mutex
	known     []string
	actual    []string
	refreshes int
	takes     time.Duration
}

func (v *vault) Values() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.known)
}

func (v *vault) Refresh(ctx context.Context, used []string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refreshes++
	if (seam.System{}).Sleep(ctx, v.takes) == nil {
		v.known = v.actual
	}
	return !slices.Equal(v.known, used)
}

func (v *vault) becomes(actual ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.actual = actual
}

func (v *vault) wantRefreshes(t *testing.T, want int) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refreshes != want {
		t.Errorf("looked %d times for other secrets, want %d", v.refreshes, want)
	}
}

func TestASecretIsReplacedWhileDeliveriesArrive(t *testing.T) {
	v := &vault{known: []string{"old"}}
	w := newWebhook(t, discard{}, func(o *ingress.Options) { o.Secrets, o.Rotating = nil, v })
	signed := func(key string) int {
		return serve(w, delivery("ping", "g", []byte("{}"), "X-Hub-Signature-256", sign(key, []byte("{}")))).Code
	}
	steps := []struct {
		secrets   []string // what the place of the secret holds
		key       string   // what GitHub signs with
		code      int
		refreshes int
	}{
		{[]string{"old"}, "old", 202, 0},
		{[]string{"new", "old"}, "old", 202, 0}, // replaced at its place, not yet at GitHub: nothing tells
		{[]string{"new", "old"}, "new", 202, 1}, // the first signature with the new one
		{[]string{"new", "old"}, "old", 202, 1}, // deliveries that were on their way
		{[]string{"new"}, "new", 202, 1},
		{[]string{"new"}, "guess", 401, 2},
		{[]string{"new"}, "old", 401, 3}, // its end has been noticed by then
		{nil, "new", 202, 3},
		{nil, "guess", 401, 4}, // the place was emptied: nothing is valid
		{nil, "new", 401, 4},
	}
	for i, step := range steps {
		v.becomes(step.secrets...)
		if code := signed(step.key); code != step.code {
			t.Errorf("step %d: signed with %q, answered %d, want %d", i, step.key, code, step.code)
		}
		v.wantRefreshes(t, step.refreshes)
	}
}

func TestWhatIsNoSignatureCostsNoLook(t *testing.T) {
	v := &vault{known: []string{"s"}}
	w := newWebhook(t, discard{}, func(o *ingress.Options) { o.Rotating = v })
	for _, header := range []string{"", "sha1=00", "sha256=zz", "sha256=" + sign("s", nil)} {
		if out := serve(w, delivery("ping", "g", []byte("{}"), "X-Hub-Signature-256", header)); out.Code != http.StatusUnauthorized {
			t.Errorf("%q: answered %d, want 401", header, out.Code)
		}
	}
	v.wantRefreshes(t, 0)
}

func TestALookForOtherSecretsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{known: []string{"old"}, actual: []string{"new"}, takes: time.Hour}
		w := newWebhook(t, discard{}, func(o *ingress.Options) { o.Rotating = v })
		begin := time.Now()
		out := serve(w, delivery("ping", "g", []byte("{}"), "X-Hub-Signature-256", sign("new", []byte("{}"))))
		if took := time.Since(begin); out.Code != http.StatusUnauthorized || took > 5*time.Second {
			t.Errorf("answered %d after %s, want 401 in GitHub's ten seconds", out.Code, took)
		}
	})
}
