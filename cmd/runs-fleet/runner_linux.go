package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// runnerFolder returns what gives machines a runner.
func (p *parts) runnerFolder(s *server) (func(context.Context) (string, error), error) {
	if s.settings.RunnerDir == "" {
		return nil, errors.New("no runner: name the folder of an installed one with --runner-dir")
	}
	dir, err := installedRunner(s.settings.RunnerDir)
	if err != nil {
		return nil, err
	}
	return func(context.Context) (string, error) { return dir, nil }, nil
}

// installedRunner checks a folder that the settings name.
func installedRunner(configured string) (string, error) {
	dir, err := filepath.Abs(configured)
	if err != nil {
		return "", fmt.Errorf("finding runner_dir: %w", err)
	}
	if err := executable(filepath.Join(dir, "bin", "Runner.Listener")); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("runner_dir: %s holds no runner (there is no bin/Runner.Listener): unpack one there, or leave the setting out", dir)
		}
		return "", fmt.Errorf("runner_dir: %w", err)
	}
	return dir, nil
}
