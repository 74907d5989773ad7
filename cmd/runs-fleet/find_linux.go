package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const agentName = "runs-fleet-agent"

// findAgent finds the program that runs on each machine: where the settings say, beside this program, on the PATH.
func findAgent(configured string) (string, error) {
	if configured != "" {
		path, err := filepath.Abs(configured)
		if err == nil {
			err = executable(path)
		}
		if err != nil {
			return "", fmt.Errorf("the agent that the settings name: %w", err)
		}
		return path, nil
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), agentName)
		if executable(beside) == nil {
			return beside, nil
		}
	}
	found, err := exec.LookPath(agentName)
	if err != nil {
		return "", fmt.Errorf("%s is neither beside this program nor on the PATH: install both programs into one folder, or name it with --agent", agentName)
	}
	path, err := filepath.Abs(found)
	if err != nil {
		return "", fmt.Errorf("finding the agent: %w", err)
	}
	return path, nil
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("looking at it: %w", err)
	}
	const anyExecute = 0o111
	if info.IsDir() || info.Mode()&anyExecute == 0 {
		return fmt.Errorf("%s is no program", path)
	}
	return nil
}
