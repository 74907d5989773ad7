package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

func (s *session) queueCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "queue",
		GroupID: groupAsk,
		Short:   "Look at messages that could not be applied, and try them anew",
		Long: "Look at messages that could not be applied, and try them anew. A message is what GitHub told of a job; the server tries it ten times\n" +
			"and then puts it aside, with why.",
		Example: "  runs-fleet queue dead\n  runs-fleet queue redrive",
		Args:    knownCommand,
		// As for the root: the library's own default is no suggestion.
		SuggestionsMinimumDistance: 2,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(s.queueDeadCommand(), s.queueRedriveCommand())
	return c
}

func (s *session) queueDeadCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:     "dead",
		Short:   "List messages that could not be applied, with why",
		Example: "  runs-fleet queue dead\n  runs-fleet queue dead --output json",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 || limit > pageSize {
				return &usageError{fmt.Errorf("--limit %d: from 1 to %d", limit, pageSize)}
			}
			to, err := s.connect()
			if err != nil {
				return err
			}
			return s.listDead(c.Context(), to, limit)
		},
	}
	s.asksServerBelow(c)
	c.Flags().IntVar(&limit, "limit", 50, "the most messages to list")
	return c
}

func (s *session) listDead(ctx context.Context, c *client.Client, limit int) error {
	d, err := c.DeadLetters(ctx, limit)
	switch {
	case err != nil:
		return err
	case s.json():
		return s.printJSON(d)
	case len(d.Messages) == 0:
		return s.print("None: every message was applied.\n")
	}
	t := &table{columns: []column{
		{title: "SENT", right: true},
		{title: "TRIED", right: true},
		{title: "JOB", right: true},
		{title: "REPOSITORY", flexible: true},
		{title: "REASON", flexible: true},
	}}
	now := s.env.Clock.Now()
	for _, m := range d.Messages {
		t.add(text(since(m.Sent, now)), text(strconv.Itoa(m.Deliveries)), text(jobNumber(m.Job)), text(m.Repository), text(m.Reason))
	}
	if err := t.write(s.env.Out, s.env.Width, s.env.Color); err != nil {
		return err
	}
	if d.More {
		return s.print("There are more; these are the oldest.\n")
	}
	return nil
}

func (s *session) queueRedriveCommand() *cobra.Command {
	return s.asksServerBelow(&cobra.Command{
		Use:     "redrive",
		Short:   "Try all messages anew that could not be applied",
		Long:    "Try all messages anew that could not be applied. What still fails is listed again after ten more attempts, which take about ten minutes.",
		Example: "  runs-fleet queue redrive",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			to, err := s.connect()
			if err != nil {
				return err
			}
			r, err := to.Redrive(c.Context())
			if err != nil {
				return err
			}
			if s.json() {
				return s.printJSON(r)
			}
			return s.print("%s\n", returned(r))
		},
	})
}

func returned(r view.Redriven) string {
	switch r.Returned {
	case 0:
		return "There was none to return."
	case 1:
		return "1 message is tried anew."
	default:
		return fmt.Sprintf("%d messages are tried anew.", r.Returned)
	}
}
