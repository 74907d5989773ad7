package github_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
)

func TestTheAppsOwnToken(t *testing.T) { // failure mode H1
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.issuesTokens()
		h.on(mintPath, always(201, minted))
		if _, err := h.client(asApp).Mint(t.Context(), mintRequest()); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, r := range h.requests("") {
			if strings.HasSuffix(r.Path, "generate-jitconfig") {
				continue
			}
			var claims jwt.RegisteredClaims
			_, err := jwt.ParseWithClaims(strings.TrimPrefix(r.Authorization, "Bearer "), &claims,
				func(*jwt.Token) (any, error) { return &appKey().PublicKey, nil }, jwt.WithValidMethods([]string{"RS256"}))
			if err != nil {
				t.Fatalf("%s: %v", r.Path, err)
			}
			now := time.Now()
			if claims.Issuer != "4711" || !claims.IssuedAt.Equal(now.Add(-time.Minute)) || claims.ExpiresAt.Sub(now) > 9*time.Minute {
				t.Errorf("claims %+v at %s", claims, now)
			}
			if claims.ID == "" || seen[claims.ID] {
				t.Errorf("jti %q is empty or was used before", claims.ID)
			}
			seen[claims.ID] = true
		}
		if len(seen) != 2 {
			t.Errorf("%d calls as the App, want the installation's and the token's", len(seen))
		}
	})
}

func TestATokenCanDoWhatItsCallNeedsAndNoMore(t *testing.T) {
	h := newHub(t)
	h.issuesTokens()
	h.on(mintPath, always(201, minted))
	h.on("DELETE /repos/octo-org/app/actions/runners/23", always(204, ``))
	h.on("GET /repos/octo-org/app/actions/jobs/5", always(200, `{"id":5,"run_id":6,"status":"completed"}`))
	h.on("POST /repos/octo-org/app/actions/runs/6/cancel", always(202, `{}`))
	c := h.client(asApp)
	ctx := t.Context()
	for range 2 { // the second round needs no further tokens
		if _, err := c.Mint(ctx, mintRequest()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeleteRunner(ctx, repo(), 23); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Job(ctx, repo(), 5); err != nil {
			t.Fatal(err)
		}
		if err := c.CancelRun(ctx, repo(), 6); err != nil {
			t.Fatal(err)
		}
	}
	var asked []string
	for _, r := range h.requests("access_tokens") {
		asked = append(asked, r.Body)
	}
	want := []string{
		`{"repository_ids":[31],"permissions":{"administration":"write","metadata":"read"}}`,
		`{"permissions":{"actions":"read","metadata":"read"}}`,
		`{"repository_ids":[31],"permissions":{"actions":"write","metadata":"read"}}`,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("tokens asked for (-want +got):\n%s", diff)
	}
	if n := len(h.requests("/installation")); n != 1+len(want) {
		t.Errorf("%d calls about installations, want one look-up and %d tokens", n, len(want))
	}
}

func TestATokenIsRenewedBeforeItsEnd(t *testing.T) { // failure mode M7
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.issuesTokens()
		h.on("GET /repos/octo-org/app/actions/jobs/5", always(200, `{"id":5,"run_id":6,"status":"completed"}`))
		c := h.client(asApp)
		for _, step := range []struct {
			wait   time.Duration
			tokens int
		}{{0, 1}, {54 * time.Minute, 1}, {2 * time.Minute, 2}, {time.Hour, 3}} {
			sleep(t, step.wait)
			if _, err := c.Job(t.Context(), repo(), 5); err != nil {
				t.Fatal(err)
			}
			if n := len(h.requests("access_tokens")); n != step.tokens {
				t.Errorf("%d tokens, want %d", n, step.tokens)
			}
		}
	})
}

func TestManyCallersShareOneToken(t *testing.T) { // failure modes H5, M16
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.issuesTokens()
		h.on("GET /repos/octo-org/app/actions/jobs/5", always(200, `{"id":5,"run_id":6,"status":"completed"}`))
		c := h.client(asApp)
		r := repo()
		r.Installation = 12
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				if _, err := c.Job(t.Context(), r, 5); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(h.requests("access_tokens")); n != 1 {
			t.Errorf("%d tokens, want 1", n)
		}
	})
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) { // failure modes H2, M7
	refused := always(401, `{"message":"Bad credentials"}`)
	t.Run("and the call then goes through", func(t *testing.T) {
		h := newHub(t)
		h.issuesTokens()
		h.on(mintPath, series(refused, always(201, minted)))
		if _, err := h.client(asApp).Mint(t.Context(), mintRequest()); err != nil {
			t.Fatal(err)
		}
		calls := h.requests("generate-jitconfig")
		if len(calls) != 2 || calls[0].Authorization == calls[1].Authorization {
			t.Errorf("calls %+v, want two with different tokens", calls)
		}
		if calls[0].Body != calls[1].Body || calls[1].Body == "" {
			t.Errorf("bodies %q and %q", calls[0].Body, calls[1].Body)
		}
	})
	t.Run("and not again", func(t *testing.T) {
		h := newHub(t)
		h.issuesTokens()
		h.on(mintPath, refused)
		if _, err := h.client(asApp).Mint(t.Context(), mintRequest()); outcome(err) != "refused" {
			t.Errorf("%v, want a refusal", err)
		}
		if n := len(h.requests("generate-jitconfig")); n != 2 {
			t.Errorf("%d calls, want 2", n)
		}
	})
}

func TestTheInstallationOfARepository(t *testing.T) {
	h := newHub(t)
	h.issuesTokens()
	h.on(mintPath, always(201, minted))
	known := mintRequest()
	known.Repository.Installation = 99
	if _, err := h.client(asApp).Mint(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if n := len(h.requests("access_tokens")); n != 1 || !strings.Contains(h.requests("access_tokens")[0].Path, "/99/") {
		t.Errorf("tokens asked at %+v, want at installation 99", h.requests("access_tokens"))
	}
	if n := len(h.requests("GET /repos/octo-org/app/installation")); n != 0 {
		t.Errorf("looked up %d times what was known", n)
	}
}

func TestAnAppThatIsInstalledAgain(t *testing.T) {
	h := newHub(t)
	h.on("GET /repos/octo-org/app/installation", series(always(200, `{"id":11}`), always(200, `{"id":12}`)))
	h.on("POST /app/installations/11/access_tokens", always(404, `{"message":"Not Found"}`))
	h.on("POST /app/installations/12/access_tokens", always(201, `{"token":"ghs_x","expires_at":"2999-01-01T00:00:00Z"}`))
	h.on(mintPath, always(201, minted))
	c := h.client(asApp)
	if _, err := c.Mint(t.Context(), mintRequest()); outcome(err) != "refused" {
		t.Errorf("%v, want a refusal, since the installation known is gone", err)
	}
	if _, err := c.Mint(t.Context(), mintRequest()); err != nil {
		t.Errorf("the new installation is not found: %v", err)
	}
}

func TestThePersonalTokenIsTheFallback(t *testing.T) {
	h := newHub(t)
	h.on(mintPath, always(201, minted))
	c := h.client(asApp, func(o *github.Options) { o.Token = personalToken })
	for range 2 {
		if _, err := c.Mint(t.Context(), mintRequest()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(h.requests("/installation")); n != 1 {
		t.Errorf("looked up %d times where the App is not installed, want once", n)
	}
	if got := h.requests("generate-jitconfig")[0].Authorization; got != "Bearer "+personalToken {
		t.Errorf("Authorization %q", got)
	}
}

func TestInstallationsAndTheirRepositories(t *testing.T) {
	h := newHub(t)
	h.issuesTokens()
	h.on("GET /app/installations", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" {
			answer(w, 200, `[{"id":2,"account":{"login":"b"},"repository_selection":"selected","suspended_at":"2026-01-01T00:00:00Z"}]`)
			return
		}
		answer(w, 200, `[{"id":1,"account":{"login":"a"},"repository_selection":"all","permissions":{"actions":"write","metadata":"read"}}]`,
			"Link", `<https://api.github.com/app/installations?page=2>; rel="next"`)
	})
	h.on("GET /installation/repositories", always(200,
		`{"total_count":1,"repositories":[{"id":31,"name":"app","private":true,"owner":{"login":"octo-org"}}]}`))
	c := h.client(asApp)
	got, err := c.Installations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []github.Installation{
		{ID: 1, Account: "a", All: true, Permissions: map[string]string{"actions": "write", "metadata": "read"}},
		{ID: 2, Account: "b", Suspended: true, Permissions: map[string]string{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("installations (-want +got):\n%s", diff)
	}
	repos, err := c.InstallationRepositories(t.Context(), 12)
	if err != nil {
		t.Fatal(err)
	}
	r := repo()
	r.Installation = 12
	if diff := cmp.Diff([]fleet.Repository{r}, repos); diff != "" {
		t.Errorf("repositories (-want +got):\n%s", diff)
	}
}
