package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/runs-fleet/runs-fleet/internal/fleetconfig"
)

// validation is validate as JSON.
type validation struct {
	File     string                `json:"file"`
	Valid    bool                  `json:"valid"`
	Revision string                `json:"revision"`
	Findings []fleetconfig.Finding `json:"findings"`
}

func (s *session) validateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "validate FILE",
		GroupID: groupHelp,
		Short:   "Check a fleet configuration",
		Long: "Check a file with environments, images, runners and pools, as a server would that is started with --fleet-config FILE. It needs no\n" +
			"server. Everything that is wrong is listed with its line and column and with what to write instead. A warning is of something that\n" +
			"is applied and may not be what was meant; with an error nothing of the file is applied, and the exit code is 1. docs/pools.md\n" +
			"explains the file.",
		Example: "  runs-fleet validate .github/runs-fleet.yml\n  runs-fleet validate fleet.yml --output json",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{fmt.Errorf("%s needs one file, such as runs-fleet.yml", c.CommandPath())}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return s.validate(args[0]) },
	}
	s.hasOutput(c)
	return c
}

func (s *session) validate(file string) error {
	content, err := s.env.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the fleet configuration: %w", err)
	}
	config, findings := fleetconfig.Parse(content)
	valid := !fleetconfig.Failed(findings)
	if s.json() {
		err = s.printJSON(validation{File: file, Valid: valid, Revision: config.Revision, Findings: append([]fleetconfig.Finding{}, findings...)})
	} else {
		err = s.printValidation(file, config, findings)
	}
	if err == nil && !valid {
		err = silentError{}
	}
	return err
}

func (s *session) printValidation(file string, config fleetconfig.Config, findings []fleetconfig.Finding) error {
	for _, f := range findings {
		if err := s.print("%s:%s\n", file, f); err != nil {
			return err
		}
	}
	if fleetconfig.Failed(findings) {
		return s.print("%s cannot be applied.\n", file)
	}
	return s.print("%s can be applied: %s, %s, %s, %s.\n", file,
		counted(len(config.Environments), "environment"), counted(len(config.Images), "image"),
		counted(len(config.Runners), "runner"), counted(len(config.Pools), "pool"))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
