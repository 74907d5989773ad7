package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/web/client"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

func (s *session) runnersCommand() *cobra.Command {
	c := s.runnersListCommand()
	c.Use, c.GroupID = "runners", groupAsk
	c.Short = "List the machines that run jobs, and ask about one"
	c.AddCommand(s.runnersListCommand(), s.runnersShowCommand())
	return c
}

type runnersFlags struct {
	ended, watch bool
	limit        int
}

func (s *session) runnersListCommand() *cobra.Command {
	var f runnersFlags
	c := &cobra.Command{
		Use:     "list",
		Short:   "List machines, newest first",
		Example: "  runs-fleet runners\n  runs-fleet runners --ended --output json",
		Args:    exactly(),
		RunE:    func(c *cobra.Command, _ []string) error { return s.listRunners(c.Context(), f) },
	}
	s.asksServerBelow(c)
	c.Flags().BoolVar(&f.ended, "ended", false, "machines that ended lately, instead of those that live")
	c.Flags().IntVar(&f.limit, "limit", 100, "the most machines to list")
	c.Flags().BoolVarP(&f.watch, "watch", "w", false, "go on listing every 2 seconds, until Ctrl-C")
	return c
}

func (s *session) listRunners(ctx context.Context, f runnersFlags) error {
	switch {
	case f.limit < 1:
		return &usageError{fmt.Errorf("--limit %d: the least is 1", f.limit)}
	case f.watch && s.json():
		return &usageError{fmt.Errorf("--watch is for people: programs ask again by themselves")}
	}
	c, err := s.connect()
	if err != nil {
		return err
	}
	once := func() error { return s.listRunnersOnce(ctx, c, f) }
	if f.watch {
		return s.watch(ctx, once)
	}
	return once()
}

func (s *session) listRunnersOnce(ctx context.Context, c *client.Client, f runnersFlags) error {
	out := view.MachinePage{Machines: []view.Machine{}}
	for {
		page, err := c.Machines(ctx, f.ended, out.Next, min(pageSize, f.limit-len(out.Machines)))
		if err != nil {
			return err
		}
		out.Machines, out.Next = append(out.Machines, page.Machines...), page.Next
		if out.Next == "" || len(out.Machines) >= f.limit {
			break
		}
	}
	if s.json() {
		return s.printJSON(out)
	}
	if len(out.Machines) == 0 {
		return s.print("No machines. One starts when a job needs it.\n")
	}
	t := &table{columns: []column{
		{title: "MACHINE"},
		{title: "STATE"},
		{title: "FOR", right: true},
		{title: "REPOSITORY", flexible: true},
		{title: "RUNNER", flexible: true},
		{title: "JOB", right: true},
		{title: "REASON", flexible: true},
	}}
	now := s.env.Clock.Now()
	for _, m := range out.Machines {
		t.add(text(m.Environment+"/"+m.Region+"/"+m.ID), machineState(m.State), text(since(m.Since, now)), text(m.Repository),
			text(m.Runner), text(jobNumber(m.Job)), text(m.Reason))
	}
	return t.write(s.env.Out, s.env.Width, s.env.Color)
}

func since(t, now time.Time) string { return view.Span(now.Sub(t)) }

func jobNumber(id int64) string {
	if id == 0 {
		return "-"
	}
	return strconv.FormatInt(id, 10)
}

func machineState(state string) cell {
	switch state {
	case "working", "listening":
		return cell{state, blue}
	case "ready":
		return cell{state, green}
	case "starting", "assigned":
		return cell{state, amber}
	case "failed":
		return cell{state, red}
	default:
		return cell{state, dim}
	}
}

func (s *session) runnersShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "show MACHINE",
		Short:   "Show all that is known of a machine",
		Long:    "Show all that is known of a machine, with what it printed while it booted if it failed.",
		Example: "  runs-fleet runners show default/local/m-4f0c2a",
		Args:    exactly("a machine, as runs-fleet runners lists it"),
		RunE: func(c *cobra.Command, args []string) error {
			parts := strings.Split(args[0], "/")
			if len(parts) != 3 {
				return &usageError{fmt.Errorf("%q is no machine: give environment/region/id, as runs-fleet runners lists it", args[0])}
			}
			to, err := s.connect()
			if err != nil {
				return err
			}
			m, err := to.Machine(c.Context(), parts[0], parts[1], parts[2])
			if err != nil {
				return err
			}
			if s.json() {
				return s.printJSON(m)
			}
			return s.printMachine(m)
		},
	}
	return s.asksServerBelow(c)
}

func (s *session) printMachine(m view.MachineDetails) error {
	f := facts{}
	f.add("Machine", m.Environment+"/"+m.Region+"/"+m.ID)
	f.addCell("State", machineState(m.State))
	f.add("Reason", m.Reason)
	f.add("Type", m.Type)
	f.add("Repository", m.Repository)
	f.add("Runner", m.Runner)
	f.add("Labels", strings.Join(m.Labels, ", "))
	if m.Job != 0 {
		f.add("Job", jobNumber(m.Job))
	}
	if err := s.printFacts(f); err != nil {
		return err
	}
	if err := s.printHistory("History", m.History); err != nil {
		return err
	}
	return s.printMachineLogs(m)
}
