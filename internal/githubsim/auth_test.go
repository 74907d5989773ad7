package githubsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
)

func TestAppJWT(t *testing.T) {
	w := start(t, nil)
	tests := map[string]struct {
		token   string
		status  int
		message string
	}{
		"valid":             {w.appJWT(-time.Minute, 9*time.Minute), http.StatusOK, ""},
		"ten minutes":       {w.appJWT(0, 10*time.Minute), http.StatusOK, ""},
		"eleven minutes":    {w.appJWT(0, 11*time.Minute), http.StatusUnauthorized, "too far in the future"},
		"expired":           {w.appJWT(-10*time.Minute, -time.Second), http.StatusUnauthorized, "'Expiration time' claim"},
		"issued in future":  {w.appJWT(time.Minute, 9*time.Minute), http.StatusUnauthorized, "'Issued at' claim"},
		"another signature": {w.jwt()[:len(w.jwt())-8] + "AAAAAAAA", http.StatusUnauthorized, "could not be decoded"},
		"no JWT":            {"a.b.c", http.StatusUnauthorized, "could not be decoded"},
		"a person":          {personToken, http.StatusUnauthorized, "could not be decoded"},
		"an unknown token":  {"ghp_nobody", http.StatusUnauthorized, "Bad credentials"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := w.expect(test.status, test.token, "GET", "/app", nil).object(t)
			if message, _ := got["message"].(string); !strings.Contains(message, test.message) {
				t.Errorf("message = %q, want %q in it", message, test.message)
			}
		})
	}
	w.expect(http.StatusUnauthorized, w.jwt(), "GET", "/repos/acme/shop", nil) // an App as such sees no repository
}

func TestInstallations(t *testing.T) {
	w := start(t, nil)
	list := w.expect(http.StatusOK, w.jwt(), "GET", "/app/installations", nil).list(t)
	id := list[0].(map[string]any)["id"]
	w.expect(http.StatusOK, w.jwt(), "GET", fmt.Sprintf("/app/installations/%.0f", id), nil)
	w.expect(http.StatusNotFound, w.jwt(), "GET", "/app/installations/1", nil)
	w.expect(http.StatusNotFound, w.jwt(), "GET", "/repos/acme/none/installation", nil)
	w.expect(http.StatusNotFound, w.jwt(), "POST", "/app/installations/1/access_tokens", nil)
}

func TestInstallationTokensAreNarrowed(t *testing.T) {
	w := start(t, func(o *githubsim.Options) {
		o.Repositories = append(o.Repositories,
			githubsim.RepositorySpec{Owner: "acme", Name: "other", Private: true, Organization: true},
			githubsim.RepositorySpec{Owner: "stranger", Name: "public"}, githubsim.RepositorySpec{Owner: "stranger", Name: "private", Private: true})
	})
	token := w.installation(map[string]any{"repositories": []string{"shop"}, "permissions": map[string]string{"actions": "read"}})
	w.expect(http.StatusOK, token, "GET", "/repos/acme/shop/actions/runs", nil)
	tests := []struct {
		name, method, path string
		status             int
	}{
		{"a repository left out", "GET", "/repos/acme/other/actions/runs", http.StatusNotFound},
		{"a permission left out", "GET", runnersPath, http.StatusForbidden},
		{"reading does not cover writing", "POST", "/repos/acme/shop/actions/runs/1/cancel", http.StatusForbidden},
		{"another owner's private repository", "GET", "/repos/stranger/private", http.StatusNotFound},
		{"another owner's public repository", "GET", "/repos/stranger/public", http.StatusOK},
		{"writing to that", "POST", "/repos/stranger/public/actions/runs/1/cancel", http.StatusForbidden},
		{"an unknown organisation", "GET", "/orgs/stranger/actions/runners", http.StatusNotFound},
		{"an organisation without the permission", "GET", "/orgs/acme/actions/runners", http.StatusForbidden},
		{"the App's own endpoints", "GET", "/app/hook/deliveries", http.StatusUnauthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(*testing.T) { w.expect(test.status, token, test.method, test.path, nil) })
	}
	if got := w.expect(http.StatusForbidden, token, "GET", runnersPath, nil).object(t)["message"]; got != "Resource not accessible by integration" {
		t.Errorf("message = %v", got)
	}
	id := w.expect(http.StatusOK, w.jwt(), "GET", "/repos/acme/shop/installation", nil).object(t)["id"]
	path := fmt.Sprintf("/app/installations/%.0f/access_tokens", id)
	w.expect(http.StatusUnprocessableEntity, w.jwt(), "POST", path, map[string]any{"repositories": []string{"none"}})
	w.expect(http.StatusUnprocessableEntity, w.jwt(), "POST", path, map[string]any{"permissions": map[string]string{"contents": "write"}})
	w.step(59 * time.Minute)
	w.expect(http.StatusOK, token, "GET", "/repos/acme/shop/actions/runs", nil)
	w.step(time.Minute)
	w.expect(http.StatusUnauthorized, token, "GET", "/repos/acme/shop/actions/runs", nil)
}

func TestAnInstallationOnSelectedRepositories(t *testing.T) {
	w := start(t, func(o *githubsim.Options) {
		o.Repositories = append(o.Repositories, githubsim.RepositorySpec{Owner: "acme", Name: "other", Private: true, Organization: true})
		o.App.Installations = []githubsim.Installation{{
			ID: 99, Account: "acme", Repositories: []string{"other"}, Permissions: map[string]string{"actions": "read", "metadata": "read"},
		}}
	})
	w.expect(http.StatusNotFound, w.jwt(), "GET", "/repos/acme/shop/installation", nil)
	answer := w.expect(http.StatusCreated, w.jwt(), "POST", "/app/installations/99/access_tokens", nil).object(t)
	equal(t, "selection", any("selected"), answer["repository_selection"])
	token := answer["token"].(string)
	w.expect(http.StatusNotFound, token, "GET", "/repos/acme/shop", nil)
	w.expect(http.StatusOK, token, "GET", "/repos/acme/other/actions/runs", nil)
	w.expect(http.StatusForbidden, token, "GET", "/repos/acme/other/actions/runners", nil)
	w.dispatch(oneJob)
	equal(t, "no webhook of a repository left out", 0, len(w.hook.got))
}

func TestWithoutAToken(t *testing.T) {
	w := start(t, func(o *githubsim.Options) {
		o.Repositories = append(o.Repositories, githubsim.RepositorySpec{Owner: "acme", Name: "public"})
	})
	w.expect(http.StatusOK, "", "GET", "/repos/acme/public", nil)
	w.expect(http.StatusNotFound, "", "GET", "/repos/acme/shop", nil)
	w.expect(http.StatusUnauthorized, "", "GET", "/repos/acme/public/actions/runners", nil)
	w.expect(http.StatusUnauthorized, "", "POST", "/repos/acme/public/actions/runs/1/cancel", nil)
	w.expect(http.StatusUnauthorized, "", "GET", "/orgs/acme/actions/runners", nil)
}

func TestFineGrainedPersonalTokens(t *testing.T) {
	w := start(t, func(o *githubsim.Options) {
		o.PersonalTokens = append(o.PersonalTokens,
			githubsim.PersonalToken{Token: "github_pat_read", Login: "reader", Permissions: map[string]string{"actions": "read"}},
			githubsim.PersonalToken{Token: "github_pat_elsewhere", Login: "elsewhere", Repositories: []string{"acme/other"}})
	})
	w.expect(http.StatusOK, "github_pat_read", "GET", "/repos/acme/shop/actions/runs", nil)
	if got := w.expect(http.StatusForbidden, "github_pat_read", "GET", runnersPath, nil).object(t)["message"]; got != "Resource not accessible by personal access token" {
		t.Errorf("message = %v", got)
	}
	w.expect(http.StatusNotFound, "github_pat_elsewhere", "GET", "/repos/acme/shop", nil)
}

func TestAJobsTokenHasNoPower(t *testing.T) {
	w := start(t, nil)
	w.dispatch(oneJob)
	r := w.register("r", "self-hosted", "cpu=2").connect()
	_, definition := r.take()
	token := definition["secrets"].(map[string]any)["GITHUB_TOKEN"].(string)
	w.expect(http.StatusOK, token, "GET", "/repos/acme/shop/contents/README.md", nil)
	w.expect(http.StatusForbidden, token, "GET", runnersPath, nil)
}
