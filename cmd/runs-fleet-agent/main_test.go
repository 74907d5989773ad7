package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for name, test := range map[string]struct {
		args          []string
		status        int
		out, problems string
	}{
		"nothing":         {status: exitUsage, problems: "started by the control plane"},
		"unknown command": {args: []string{"dance"}, status: exitUsage, problems: "started by the control plane"},
		"help":            {args: []string{"--help"}, out: "started by the control plane"},
		"version":         {args: []string{"version"}, out: "runs-fleet "},
	} {
		t.Run(name, func(t *testing.T) {
			var out, problems bytes.Buffer
			if status := run(t.Context(), test.args, &out, &problems); status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if !strings.Contains(out.String(), test.out) || !strings.Contains(problems.String(), test.problems) {
				t.Errorf("printed %q and %q", out.String(), problems.String())
			}
		})
	}
}
