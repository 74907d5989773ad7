package github_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/contract"
)

// described is GitHub's own description of its API, loaded once since that takes seconds.
var described = sync.OnceValues(contract.Load)

// validating checks every request that the client makes of the API, and every answer that it is given, against GitHub's
// description. A log's own address is not part of the API, and of installations the description wants that their account
// is a user and an enterprise at once, which none is.
func validating(t *testing.T, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	c, err := described()
	if err != nil {
		t.Fatal(err)
	}
	checked := c.Transport(next)
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/_logs/") || strings.HasSuffix(r.URL.Path, "/app/installations") {
			return next.RoundTrip(r)
		}
		resp, err := checked.RoundTrip(r)
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		return resp, err
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
