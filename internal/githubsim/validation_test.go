package githubsim_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/contract"
)

// github is GitHub's own description, loaded once for all tests of this package.
var github = sync.OnceValues(contract.Load)

// validated holds every request and answer of a handler to GitHub's description.
func validated(t *testing.T, h http.Handler) http.Handler {
	t.Helper()
	c, err := github()
	if err != nil {
		t.Fatal(err)
	}
	return c.Handler(h, func(err error) { t.Error(err) })
}

// validateWebhook holds the body of a webhook to GitHub's description.
func validateWebhook(t *testing.T, event string, body []byte) {
	t.Helper()
	c, err := github()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Webhook(event, body); err != nil {
		t.Error(err)
	}
}
