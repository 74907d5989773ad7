package cli

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// refresh is how often a command that waits asks again.
const refresh = 2 * time.Second

// watch repeats a listing, each over the one before, until the context ends or a listing fails.
func (s *session) watch(ctx context.Context, once func() error) error {
	for {
		if s.env.Width > 0 {
			if err := s.print("\x1b[H\x1b[2J"); err != nil {
				return err
			}
		}
		if err := once(); err != nil {
			return err
		}
		if err := s.env.Clock.Sleep(ctx, refresh); err != nil {
			return nil //nolint:nilerr // Ctrl-C is how watching ends
		}
	}
}

func (s *session) statusCommand() *cobra.Command {
	return s.asksServer(&cobra.Command{
		Use:     "status",
		Short:   "Show the fleet at a glance",
		Example: "  runs-fleet status",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			to, err := s.connect()
			if err != nil {
				return err
			}
			st, err := to.Status(c.Context())
			if err != nil {
				return err
			}
			if s.json() {
				return s.printJSON(st)
			}
			return s.printStatus(to, st)
		},
	})
}

func (s *session) printStatus(c *client.Client, st view.Status) error {
	f := facts{}
	f.add("Server", fmt.Sprintf("%s, version %s, up %s", c.Address(), st.Version, view.Span(st.At.Sub(st.Started))))
	if len(st.Repositories) > 0 {
		f.add("Repositories", strings.Join(st.Repositories, ", "))
	} else {
		f.add("Owners", strings.Join(st.Owners, ", "))
	}
	intake := "asking " + st.GitHub
	if st.Intake == "webhook" {
		intake = "webhooks of " + st.GitHub
	}
	f.add("Learns of jobs by", intake)
	f.add("Isolation", st.Isolation)
	for _, n := range st.Jobs {
		more := ""
		if n.More {
			more = " or more"
		}
		f.add(map[string]string{"queued": "Queued", "waiting": "Held by GitHub", "in_progress": "Running"}[n.State], fmt.Sprintf("%d%s", n.Count, more))
	}
	f.add("Machines", machineCounts(st))
	if st.Draining {
		f.addCell("Draining", cell{"nothing more is launched", amber})
	}
	return s.printFacts(f)
}

func machineCounts(st view.Status) string {
	out := fmt.Sprintf("%d of %d", st.Live, st.MaxRunners)
	states := make([]string, 0, len(st.Machines))
	for state, n := range st.Machines {
		states = append(states, fmt.Sprintf("%d %s", n, state))
	}
	sort.Strings(states)
	if len(states) > 0 {
		out += " (" + strings.Join(states, ", ") + ")"
	}
	return out
}

func (s *session) drainCommand() *cobra.Command {
	var noWait bool
	c := s.asksServer(&cobra.Command{
		Use:   "drain",
		Short: "Let running jobs end and launch nothing more",
		Long: "Let running jobs end and launch nothing more; jobs that are queued wait. The command returns when no machine lives.\n" +
			"The server goes on answering, and launches again after a restart.",
		Example: "  runs-fleet drain\n  runs-fleet drain --no-wait",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			to, err := s.connect()
			if err != nil {
				return err
			}
			return s.drain(c.Context(), to, noWait)
		},
	})
	c.Flags().BoolVar(&noWait, "no-wait", false, "return at once")
	return c
}

func (s *session) drain(ctx context.Context, c *client.Client, noWait bool) error {
	d, err := c.Drain(ctx)
	if err != nil {
		return err
	}
	for d.Live > 0 && !noWait {
		if err := s.progress("Draining: %s", machines(d.Live)); err != nil {
			return err
		}
		if err := s.env.Clock.Sleep(ctx, refresh); err != nil {
			return fmt.Errorf("waiting for machines to end: %w", err)
		}
		st, err := c.Status(ctx)
		if err != nil {
			return err
		}
		d = view.Drain{Draining: st.Draining, Live: st.Live}
	}
	if err := s.progress(""); err != nil {
		return err
	}
	switch {
	case s.json():
		return s.printJSON(d)
	case d.Live == 0:
		return s.print("Drained: no machine lives, and none is launched until the server restarts.\n")
	default:
		return s.print("Draining: %s; nothing more is launched until the server restarts.\n", machines(d.Live))
	}
}

func machines(n int) string {
	if n == 1 {
		return "1 machine still lives"
	}
	return fmt.Sprintf("%d machines still live", n)
}

// progress rewrites one line on a terminal, and says nothing elsewhere.
func (s *session) progress(format string, args ...any) error {
	if s.env.Width == 0 || s.json() {
		return nil
	}
	return s.print("\r\x1b[K"+format, args...)
}

func (s *session) loginCommand() *cobra.Command {
	return s.asksServer(&cobra.Command{
		Use:     "login",
		Short:   "Print a one-time address that logs a browser in",
		Example: "  runs-fleet login",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			to, err := s.connect()
			if err != nil {
				return err
			}
			l, err := to.LoginURL(c.Context())
			if err != nil {
				return err
			}
			if s.json() {
				return s.printJSON(l)
			}
			return s.print("%s\n", l.URL)
		},
	})
}
