// Command gendocs writes the pages of docs/ that are made from the program itself.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/telemetry"
)

func main() {
	if err := generate(os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func generate(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want the folder to write to, have %d arguments", len(args))
	}
	for name, page := range map[string]string{
		"settings.md": settings.Markdown(), "command-line.md": cli.Markdown(), "metrics.md": telemetry.Markdown(),
	} {
		const readable = 0o644
		if err := os.WriteFile(filepath.Join(args[0], name), []byte(page), readable); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}
