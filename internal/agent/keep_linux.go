package agent

import (
	"errors"
	"fmt"
	"os"
)

// KeepLogs implements Runner.
func (p *Processes) KeepLogs() (tail string, err error) {
	runner, err := os.OpenRoot(p.options.Folder)
	if err != nil {
		return "", fmt.Errorf("opening the runner's folder: %w", err)
	}
	defer func() { err = errors.Join(err, runner.Close()) }()
	return keepDiagnostics(runner, p.options.Logs)
}

var _ Runner = (*Processes)(nil)
