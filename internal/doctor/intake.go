package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// Intake looks at how the server learns of jobs.
func Intake(ctx context.Context, s settings.Settings, call *http.Client) []Finding {
	if s.Polls() {
		return One(OK, fmt.Sprintf("without a webhook: repositories are scanned every %s", s.PollInterval), "")
	}
	if s.ExternalURL == "" {
		host, _, err := net.SplitHostPort(s.Listen)
		if err == nil && settings.Loopback(host) {
			return One(Warning, "a webhook's secret is set, and the server listens on this machine only: GitHub reaches it only through a proxy or tunnel",
				"set external_url to the public address, so that it can be checked; until deliveries arrive, jobs are found by a scan each minute")
		}
		return One(Warning, "the address under which GitHub reaches /webhook is unknown", "set external_url, so that it can be checked")
	}
	if u, err := url.Parse(s.ExternalURL); err == nil && settings.Loopback(u.Hostname()) {
		return One(Warning, s.ExternalURL+" is an address of this machine: GitHub cannot reach it", "set external_url to the public address")
	}
	return reach(ctx, s.ExternalURL, call)
}

// reach asks the public address for its health. It can be reached from here and not from GitHub, or the other way round;
// GitHub's own list of deliveries has the last word.
func reach(ctx context.Context, base string, call *http.Client) []Finding {
	const remedy = "start the server, and let the proxy pass /webhook to it; the webhook's page at GitHub lists its recent deliveries"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+"/healthz", http.NoBody)
	if err != nil {
		return One(Problem, err.Error(), "correct external_url")
	}
	resp, err := call.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return One(Warning, fmt.Sprintf("%s does not answer from here: %s", base, err), remedy)
	}
	defer func() { _ = resp.Body.Close() }()
	const enough = 64
	body, err := io.ReadAll(io.LimitReader(resp.Body, enough))
	if err != nil || resp.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "ok" {
		return One(Warning, fmt.Sprintf("%s answers, but not as a runs-fleet server does (%d)", base, resp.StatusCode), remedy)
	}
	return One(OK, "the server answers at "+base, "")
}
