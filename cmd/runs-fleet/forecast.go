package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

const simulatorName = "runs-fleet-simulate"

// foretell has a plan simulated by the program that can: this one contains nothing of the simulation.
func foretell(ctx context.Context, plan forecast.Plan, started func(int)) (forecast.Outcome, error) {
	program, err := findSimulator()
	if err != nil {
		return forecast.Outcome{}, err
	}
	asked, err := json.Marshal(plan)
	if err != nil {
		return forecast.Outcome{}, fmt.Errorf("writing the plan: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "plan")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(asked), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return forecast.Outcome{}, fmt.Errorf("listening to %s: %w", program, err)
	}
	if err := cmd.Start(); err != nil {
		return forecast.Outcome{}, fmt.Errorf("starting the simulation: %w", err)
	}
	outcome, heard := forecast.Hear(out, started)
	if err := cmd.Wait(); err != nil {
		return forecast.Outcome{}, fmt.Errorf("%s: %w", program, errors.Join(heard, err))
	}
	return outcome, heard
}

// findSimulator finds the simulating program: beside this one, or on the PATH.
func findSimulator() (string, error) {
	name := simulatorName
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is neither beside this program nor on the PATH: "+
			"go install github.com/runs-fleet/runs-fleet/cmd/...@latest installs all programs of one version", name)
	}
	return found, nil
}
