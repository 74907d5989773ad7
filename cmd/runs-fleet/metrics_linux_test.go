package main

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

// metricsAt reads the metrics at an address, with a token if one is given.
func metricsAt(t *testing.T, url, token string) (int, map[string]*dto.MetricFamily) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, nil
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, families
}

func TestAServerShowsItsMetrics(t *testing.T) {
	s := quietSettings(t, quietGitHub(t).URL)
	s.MetricsListen = "127.0.0.1:0"
	r := begin(t, s)
	file, err := client.ReadServerFile(s.Data)
	if err != nil {
		t.Fatal(err)
	}
	if got := status(t, file.URL+"/webhook"); got != http.StatusMethodNotAllowed {
		t.Errorf("a GET of the webhook: status %d", got)
	}
	own := ""
	for _, line := range r.told {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "Metrics"); ok {
			own = strings.TrimSpace(rest)
		}
	}
	if code, _ := metricsAt(t, file.URL+"/metrics", ""); code != http.StatusUnauthorized {
		t.Errorf("at the server's address without a token: status %d", code)
	}
	for url, token := range map[string]string{file.URL + "/metrics": file.Token, own: ""} {
		code, all := metricsAt(t, url, token)
		if code != http.StatusOK {
			t.Errorf("%s: status %d", url, code)
		}
		for _, name := range []string{
			"runs_fleet_webhook_deliveries_total", "runs_fleet_machines", "runs_fleet_queue_messages", "runs_fleet_due_lag_seconds",
			"runs_fleet_github_calls_total", "runs_fleet_fallbacks_total", "go_goroutines",
		} {
			if len(all[name].GetMetric()) == 0 {
				t.Errorf("%s has no %s", url, name)
			}
		}
		malformed := 0.0
		for _, m := range all["runs_fleet_webhook_deliveries_total"].GetMetric() {
			if m.GetLabel()[0].GetValue() == "malformed" {
				malformed = m.GetCounter().GetValue()
			}
		}
		if malformed != 1 {
			t.Errorf("%s counts %v malformed deliveries, want 1", url, malformed)
		}
	}
	tell(t, syscall.SIGTERM)
	r.end(t)
}
