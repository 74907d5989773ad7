package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/web"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

func TestMetricsAreForWhoHasAToken(t *testing.T) {
	w := webtest.New(t)
	if resp, _ := ask(t, w, http.MethodGet, web.MetricsPath, nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: status %d", resp.StatusCode)
	}
	if resp, _ := ask(t, w, http.MethodGet, web.MetricsPath, bearer(webtest.AgentKey)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("with an agent's key: status %d", resp.StatusCode)
	}
	resp, body := ask(t, w, http.MethodGet, web.MetricsPath, bearer(webtest.Token))
	if resp.StatusCode != http.StatusOK || body != "runs_fleet_machines 0\n" {
		t.Errorf("with the token: status %d, %q", resp.StatusCode, body)
	}
	if resp, _ := ask(t, w, http.MethodPost, web.MetricsPath, bearer(webtest.Token)); resp.StatusCode < http.StatusBadRequest {
		t.Errorf("a POST: status %d", resp.StatusCode)
	}
}

func TestTheListenerOfMetrics(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	for _, c := range []struct {
		name, listen, host, token, path string
		want                            int
	}{
		{"this machine needs no token", "127.0.0.1:9464", "127.0.0.1:9464", "", web.MetricsPath, http.StatusOK},
		{"by its name", "localhost:9464", "localhost:9464", "", web.MetricsPath, http.StatusOK},
		{"a rebound name is refused", "127.0.0.1:9464", "evil.example:9464", "", web.MetricsPath, http.StatusForbidden},
		{"other machines without a token", "0.0.0.0:9464", "10.0.0.5:9464", "", web.MetricsPath, http.StatusUnauthorized},
		{"other machines with a wrong token", "0.0.0.0:9464", "10.0.0.5:9464", secret + "0", web.MetricsPath, http.StatusUnauthorized},
		{"other machines with a token", "0.0.0.0:9464", "10.0.0.5:9464", secret, web.MetricsPath, http.StatusOK},
		{"all addresses with a token", ":9464", "fleet.example:9464", secret, web.MetricsPath, http.StatusOK},
		{"nothing else is there", "127.0.0.1:9464", "127.0.0.1:9464", "", "/api/v1/jobs", http.StatusNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, http.NoBody)
			req.Host = c.host
			if c.token != "" {
				req.Header.Set("Authorization", "Bearer "+c.token)
			}
			out := httptest.NewRecorder()
			web.Metrics(page, c.listen, []web.Token{{Name: "prometheus", Secret: secret}}).ServeHTTP(out, req)
			if out.Code != c.want {
				t.Errorf("status = %d, want %d: %s", out.Code, c.want, out.Body)
			}
		})
	}
}
