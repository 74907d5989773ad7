package sim

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// bootFailures are ways in which a boot never ends.
func bootFailures(n int) string {
	all := []string{
		"Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
		"cloud-init[612]: bootstrap: the control plane's address cannot be resolved",
		"systemd[1]: runs-fleet-agent.service: Failed with result 'exit-code'.",
		"cloud-init[598]: bootstrap: no space left on device",
	}
	return all[n%len(all)]
}

// GetConsoleOutput returns what an instance has printed. EC2 has the output some time after it was printed; here it is
// there at once (page "API_GetConsoleOutput").
func (c *Cloud) GetConsoleOutput(ctx context.Context, region, id string) (string, error) {
	return call(ctx, c, action{name: actionConsole, region: region}, func(at moment) (string, error) {
		found, err := c.named(actionConsole, at, []string{id})
		if err != nil {
			return "", err
		}
		return found[0].console(), nil
	})
}

func (m *machine) console() string {
	var out strings.Builder
	line := func(at time.Time, format string, args ...any) {
		fmt.Fprintf(&out, "[%12.6f] %s\n", at.Sub(m.launched).Seconds(), fmt.Sprintf(format, args...))
	}
	starts := 0
	for _, h := range m.history {
		switch h.state {
		case "pending":
			starts++
			line(h.at, "start %d of %s (%s, %s)", starts, m.id, m.pool.Type, m.request.OS)
		case "running":
			line(h.at, "the kernel has started")
			if starts == m.starts && m.dead != "" {
				line(h.at, "%s", m.dead)
			}
		case "stopping", "shutting-down":
			line(h.at, "the system is going down (%s)", h.reason)
		default:
		}
	}
	if m.up {
		fmt.Fprintf(&out, "%s login: \n", m.id)
	}
	return out.String()
}
