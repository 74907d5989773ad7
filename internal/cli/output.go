package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

const (
	outputTable = "table"
	outputJSON  = "json"
)

// hasOutput adds --output.
func (s *session) hasOutput(c *cobra.Command) {
	c.Flags().StringVarP(&s.output, "output", "o", outputTable, "table for people, json for programs")
	// The flag was defined in the line above, and the function is right: registering cannot fail.
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{outputTable, outputJSON}, cobra.ShellCompDirectiveNoFileComp))
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if s.output != outputTable && s.output != outputJSON {
			return &usageError{fmt.Errorf("--output %q is neither table nor json", s.output)}
		}
		return run(c, args)
	}
}

// json says whether programs read the output.
func (s *session) json() bool { return s.output == outputJSON }

// printJSON writes a value for programs.
func (s *session) printJSON(v any) error {
	e := json.NewEncoder(s.env.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// print writes text for people.
func (s *session) print(format string, args ...any) error {
	if _, err := fmt.Fprintf(s.env.Out, format, args...); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
