package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

func (s *session) doctorCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:     "doctor",
		GroupID: groupHelp,
		Short:   "Look at everything that a server needs, and say what to do about what is missing",
		Long: "Look at everything that a server needs, and say what to do about what is missing. It takes the settings of runs-fleet serve,\n" +
			"changes nothing, and exits with 1 if there is a problem; warnings do not count.",
		Example: "  runs-fleet doctor --repository octo-org/octo-repo\n  runs-fleet doctor --config /etc/runs-fleet/settings.yml --output json",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := s.settings(config, c.Flags())
			if err != nil {
				return err
			}
			findings := []doctor.Finding{{Check: "settings", Level: doctor.OK, Detail: "complete and free of contradictions"}}
			checked, err := set.Check()
			if err != nil {
				findings = settingFindings(err)
			} else {
				set = checked
			}
			return s.report(append(findings, s.env.Examine(c.Context(), set)...))
		},
	}
	c.Flags().StringVar(&config, "config", "", "the settings file (YAML)")
	settings.AddFlags(c.Flags())
	c.Flags().SortFlags = false
	s.hasOutput(c)
	return c
}

// settingFindings makes a finding of each thing that is wrong with the settings.
func settingFindings(err error) []doctor.Finding {
	var out []doctor.Finding
	for _, one := range flatten(err) {
		detail, remedy := settingRemedy(one.Error())
		out = append(out, doctor.Finding{Check: "settings", Level: doctor.Problem, Detail: detail, Remedy: remedy})
	}
	return out
}

// settingRemedy takes the remedy out of a text about the settings. Such a text says first what is wrong, and then, in the
// imperative and after a colon or a semicolon, what to do.
func settingRemedy(text string) (detail, remedy string) {
	imperatives := []string{"write", "remove", "add", "set", "name", "choose", "run", "use", "leave", "put", "did"}
	for end := len(text); ; {
		end = max(strings.LastIndex(text[:end], ": "), strings.LastIndex(text[:end], "; "))
		if end < 0 {
			return text, "correct it; docs/settings.md explains every setting"
		}
		word, _, _ := strings.Cut(text[end+2:], " ")
		if slices.Contains(imperatives, word) {
			return text[:end], text[end+2:]
		}
	}
}

func flatten(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

func (s *session) report(findings []doctor.Finding) error {
	sound := doctor.Sound(findings)
	if s.json() {
		if err := s.printJSON(struct {
			OK       bool             `json:"ok"`
			Findings []doctor.Finding `json:"findings"`
		}{sound, findings}); err != nil {
			return err
		}
	} else if err := s.printFindings(findings, sound); err != nil {
		return err
	}
	if !sound {
		return silentError{}
	}
	return nil
}

func (s *session) printFindings(findings []doctor.Finding, sound bool) error {
	width := 0
	for _, f := range findings {
		width = max(width, len(f.Check))
	}
	for _, f := range findings {
		level := cell{string(f.Level), map[doctor.Level]ink{doctor.OK: green, doctor.Warning: amber, doctor.Problem: red}[f.Level]}
		mark := paint(fmt.Sprintf("%-7s", level.text), level.ink, s.env.Color)
		if err := s.print("%s  %-*s  %s\n", mark, width, f.Check, clean(f.Detail)); err != nil {
			return err
		}
		if f.Remedy != "" && f.Level != doctor.OK {
			if err := s.print("%7s  %-*s  %s\n", "", width, "", paint("-> "+clean(f.Remedy), bold, s.env.Color)); err != nil {
				return err
			}
		}
	}
	if sound {
		return s.print("\nNothing keeps a server from running.\n")
	}
	return s.print("\nThere are problems; each says what to do.\n")
}
