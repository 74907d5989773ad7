package web_test

import (
	"net/http"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// A page whose name is made to point at this server (DNS rebinding) betrays itself by Host, a page that sends requests with
// the user's cookie (CSRF) by Origin.
func TestRequestsFromElsewhereAreRefusedEvenWithALogin(t *testing.T) {
	w := webtest.New(t)
	login := bearer(webtest.Token)
	here := w.HTTP.URL
	for _, tt := range []struct {
		name   string
		method string
		path   string
		with   func(*http.Request)
		want   int
	}{
		{"a program", http.MethodPost, "/api/v1/drain", login, http.StatusAccepted},
		{"our own page", http.MethodPost, "/api/v1/drain", both(login, header("Origin", here)), http.StatusAccepted},
		{"a rebound name", http.MethodGet, "/api/v1/jobs", both(login, header("Host", "evil.example")), http.StatusForbidden},
		{"a rebound name, on the login", http.MethodGet, "/login?token=x", header("Host", "evil.example"), http.StatusForbidden},
		{"a name that begins as ours", http.MethodGet, "/api/v1/jobs", both(login, header("Host", "127.0.0.1.evil.example")), http.StatusForbidden},
		{"no host at all", http.MethodGet, "/api/v1/jobs", both(login, header("Host", ":80")), http.StatusForbidden},
		{"another name of this machine", http.MethodGet, "/api/v1/jobs", both(login, header("Host", "localhost:9999")), http.StatusOK},
		{"a foreign page, reading", http.MethodGet, "/api/v1/jobs", both(login, header("Origin", "https://evil.example")), http.StatusForbidden},
		{"a foreign page, writing", http.MethodPost, "/api/v1/drain", both(login, header("Origin", "https://evil.example")), http.StatusForbidden},
		{"a job's page on another port", http.MethodPost, "/api/v1/drain", both(login, header("Origin", "http://127.0.0.1:1")), http.StatusForbidden},
		{"a page without an origin", http.MethodPost, "/api/v1/drain", both(login, header("Origin", "null")), http.StatusForbidden},
		{"another site without Origin", http.MethodPost, "/api/v1/drain", both(login, header("Sec-Fetch-Site", "cross-site")), http.StatusForbidden},
		{"another port without Origin", http.MethodPost, "/api/v1/drain", both(login, header("Sec-Fetch-Site", "same-site")), http.StatusForbidden},
		{"a stream of our own page", http.MethodGet, "/no/stream", both(login, header("Origin", here)), http.StatusNotFound},
		{"a stream to a foreign page", http.MethodGet, "/jobs", both(login, header("Accept", "text/event-stream"), header("Origin", "https://evil.example")), http.StatusForbidden},
		{"a stream by a rebound name", http.MethodGet, "/", both(login, header("Accept", "text/event-stream"), header("Host", "evil.example")), http.StatusForbidden},
		{"a page by a rebound name", http.MethodGet, "/runners", both(login, header("Accept", "text/html"), header("Host", "evil.example")), http.StatusForbidden},
		{"a foreign page's button", http.MethodPost, "/drain", both(login, header("Origin", "https://evil.example")), http.StatusForbidden},
		{"our own button", http.MethodPost, "/drain", both(login, header("Origin", here)), http.StatusSeeOther},
		{"a foreign page's theme", http.MethodPost, "/theme", header("Origin", "https://evil.example"), http.StatusForbidden},
		{"a theme by a rebound name", http.MethodPost, "/theme", header("Host", "evil.example"), http.StatusForbidden},
		{"a file by a rebound name", http.MethodGet, "/static/x.css", header("Host", "evil.example"), http.StatusForbidden},
		{"a link on another site", http.MethodGet, "/api/v1/jobs", both(login, header("Sec-Fetch-Site", "cross-site")), http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if resp, body := ask(t, w, tt.method, tt.path, tt.with); resp.StatusCode != tt.want {
				t.Errorf("%d, want %d: %s", resp.StatusCode, tt.want, body)
			}
		})
	}
}
