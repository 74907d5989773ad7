package main

import (
	"io"
	"testing"
	"time"
)

// The benchmark of calls runs the whole control plane: it has to go on running when that changes.
func TestCallsOfAJobAreCounted(t *testing.T) {
	for name, what := range map[string]string{
		"a busy hour: a job each second, 1 server": "calls a job",
		"no jobs, 1 server":                        "calls an hour",
	} {
		b := &bench{quick: true, only: name, report: newReport(time.Unix(0, 0).UTC(), true), progress: io.Discard}
		if err := calls(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		counted := 0.0
		for _, f := range b.report.Figures {
			if f.What == what {
				counted = f.Value
			}
		}
		if counted < 1 {
			t.Errorf("%s: %v %s", name, counted, what)
		}
	}
}
