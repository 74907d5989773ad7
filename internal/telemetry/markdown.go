package telemetry

import (
	"fmt"
	"strconv"
	"strings"
)

// Markdown is the page docs/metrics.md, made from the table.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`<!-- Generated from internal/telemetry by "go generate ./...". Do not edit. -->

# Metrics

The server counts what it does and serves the counts at ` + "`/metrics`" + ` in Prometheus' text format, or in OpenMetrics to who asks for it.
There are two ways to them:

- at the server's own address, with a token of ` + "`api_tokens_file`" + ` (or the command line's) as bearer;
- at an address of their own, the setting ` + "`metrics_listen`" + `: without a token if only this machine reaches it, with one otherwise.

A scrape by Prometheus at the server's address:

` + "```yaml" + `
scrape_configs:
  - job_name: runs-fleet
    authorization:
      credentials_file: /etc/prometheus/runs-fleet.token
    static_configs:
      - targets: ["127.0.0.1:8080"]
` + "```" + `

No label names a job, a run, a runner or a machine: each has the values that are listed here and no others. A value that could not be
read is absent, since unknown is not 0. Counts begin anew with the process. Besides the metrics below there are those of the Go runtime
(` + "`go_*`" + `) and of the process (` + "`process_*`" + `).

`)
	for _, m := range Table() {
		fmt.Fprintf(&b, "## `%s`\n\n%s\n\n- Kind: %s\n", m.Prometheus(), m.Help, m.Kind)
		for _, l := range m.Labels {
			fmt.Fprintf(&b, "- Label `%s`: `%s`\n", l.Name, strings.Join(l.Values, "`, `"))
		}
		if len(m.Buckets) > 0 {
			texts := make([]string, len(m.Buckets))
			for i, x := range m.Buckets {
				texts[i] = strconv.FormatFloat(x, 'g', -1, 64)
			}
			fmt.Fprintf(&b, "- Buckets up to: %s seconds\n", strings.Join(texts, ", "))
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
