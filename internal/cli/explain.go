package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
)

// explanation is explain as JSON.
type explanation struct {
	label.Explanation
	Warnings []string        `json:"warnings,omitempty"`
	Match    *catalog.Result `json:"match,omitempty"`
}

func (s *session) explainCommand() *cobra.Command {
	var leftOut bool
	c := &cobra.Command{
		Use:     "explain LABEL...",
		GroupID: groupHelp,
		Short:   "Say what a job's labels mean, and which machines they would get",
		Long: "Say what the labels of a job's runs-on mean, and which instance types match, in the order in which they would be tried, with\n" +
			"their price, and why others were left out. It needs no server: the catalogue of common types is built in, with list prices of\n" +
			"us-east-1. A server on one machine notes size and price and ignores them; operating system and architecture must be its own.",
		Example: "  runs-fleet explain runs-fleet/cpu=4/arch=arm64\n  runs-fleet explain 'runs-fleet=1234/ram=16+64/family=m7g+r7g/spot=false'",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{fmt.Errorf("%s needs at least one label, such as runs-fleet/cpu=4", c.CommandPath())}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return s.explain(args, leftOut) },
	}
	c.Flags().BoolVar(&leftOut, "left-out", false, "name every type that was left out, not only how many")
	s.hasOutput(c)
	return c
}

func (s *session) explain(labels []string, leftOut bool) error {
	e, err := label.Explain(labels, label.Fleet{})
	if errors.Is(err, label.ErrNotOurs) {
		return &usageError{fmt.Errorf("%w: the fleet leaves such jobs alone; write runs-on: runs-fleet, or for example runs-fleet/cpu=4", err)}
	}
	if err != nil {
		return &usageError{err}
	}
	types, err := catalog.Embedded()
	if err != nil {
		return fmt.Errorf("reading the catalogue: %w", err)
	}
	match, impossible := types.Match(e.Resolved.Spec)
	if s.json() {
		if err := s.printJSON(explanation{Explanation: e, Warnings: e.Resolved.Warnings, Match: &match}); err != nil {
			return err
		}
		return impossible
	}
	if err := s.printMeaning(e); err != nil {
		return err
	}
	if err := s.printMatch(match, leftOut); err != nil {
		return err
	}
	return impossible
}

func (s *session) printMeaning(e label.Explanation) error {
	f := facts{}
	f.addCell(e.Label, cell{})
	for _, m := range e.Segments {
		f.add(m.Segment, m.Meaning)
	}
	for _, d := range e.Defaults {
		f.addCell(d.Key, cell{fmt.Sprintf("%s (%s)", d.Value, d.Source), dim})
	}
	if err := s.printFacts(f); err != nil {
		return err
	}
	for _, w := range e.Resolved.Warnings {
		if err := s.print("%s %s\n", paint("warning", amber, s.env.Color), w); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) printMatch(m catalog.Result, leftOut bool) error {
	if len(m.Candidates) > 0 {
		market := "spot"
		if m.Market == fleet.OnDemand {
			market = "on-demand"
		}
		if err := s.print("\n%s\n", paint(fmt.Sprintf("Instance types, in the order in which they are tried (%s, us-east-1)", market), bold, s.env.Color)); err != nil {
			return err
		}
		t := &table{columns: []column{{title: "TYPE"}, {title: "VCPU", right: true}, {title: "GIB", right: true}, {title: "ARCH"}, {title: "USD/H", right: true}}}
		for _, c := range m.Candidates {
			t.add(text(c.Name), text(fmt.Sprint(c.VCPU)), text(fmt.Sprintf("%g", c.MemoryGiB)), text(string(c.Arch)), text(fmt.Sprintf("%.4f", c.PricePerHour)))
		}
		if err := t.write(s.env.Out, s.env.Width, s.env.Color); err != nil {
			return err
		}
	}
	if len(m.LeftOut) > 0 {
		if err := s.print("\n%s\n", paint("Left out", bold, s.env.Color)); err != nil {
			return err
		}
	}
	for _, g := range m.Groups() {
		line := fmt.Sprintf("%4d  %s: %s", len(g.Types), g.Requirement, g.Reason)
		if leftOut {
			line += " (" + strings.Join(g.Types, ", ") + ")"
		}
		if err := s.print("%s\n", line); err != nil {
			return err
		}
	}
	for _, d := range m.Defaults {
		if err := s.print("%s\n", paint(d, dim, s.env.Color)); err != nil {
			return err
		}
	}
	return nil
}
