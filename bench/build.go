package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// modulePath starts the import path of every program.
const modulePath = "github.com/runs-fleet/runs-fleet/"

// build makes a program as a release does and returns its path.
func build(ctx context.Context, dir, program string) (string, error) {
	path := filepath.Join(dir, filepath.Base(program))
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, modulePath+program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w: %s", program, err, strings.TrimSpace(string(out)))
	}
	return path, nil
}

// sizes measures the programs.
func sizes(ctx context.Context, b *bench) (err error) {
	dir, err := os.MkdirTemp("", "bench-sizes-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, p := range []struct {
		program string
		aim     aim
	}{{"cmd/runs-fleet-agent", atMost(10, "MB")}, {"cmd/runs-fleet", aim{}}, {"cmd/runs-fleet-demo", aim{}}} {
		if !b.wants(p.program) {
			continue
		}
		b.say("sizes: building %s", p.program)
		path, err := build(ctx, dir, p.program)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", p.program, err)
		}
		b.report.add(figure{Benchmark: "sizes", Case: filepath.Base(p.program), What: "size", Unit: "MB", Value: float64(info.Size()) / 1e6}, p.aim)
	}
	return nil
}
