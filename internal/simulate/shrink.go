package simulate

import (
	"fmt"
	"strings"
	"testing"
)

// shrinkMost bounds how many worlds are tried to make a violation smaller.
const shrinkMost = 80

// Shrink looks for a smaller world that violates the same invariant: fewer jobs, then fewer faults.
func Shrink(t *testing.T, res Result) Result {
	t.Helper()
	tries := 0
	fails := func(cfg Config) bool {
		if tries++; tries > shrinkMost {
			return false
		}
		next := Run(t, cfg, false)
		if next.Violation == nil || next.Violation.Invariant != res.Violation.Invariant {
			return false
		}
		res = next
		return true
	}
	for jobs := res.Config.Jobs / 2; jobs > 0; jobs /= 2 {
		cfg := res.Config
		cfg.Jobs = jobs
		if !fails(cfg) {
			break
		}
	}
	for again := true; again && tries < shrinkMost; {
		again = false
		for _, f := range res.Config.Rates.Kinds() {
			cfg := res.Config
			cfg.Rates = cfg.Rates.Without(f)
			again = fails(cfg) || again
		}
	}
	return res
}

// Explain tells a violation: its seed, the history of what it concerns, and the command that repeats it.
func Explain(t *testing.T, res Result) string {
	t.Helper()
	told := Run(t, res.Config, true)
	var b strings.Builder
	fmt.Fprintf(&b, "%s is violated after %s: %s\n", res.Violation.Invariant, res.Violation.At, res.Violation.Text)
	fmt.Fprintf(&b, "seed %d, %d jobs, %d replicas, faults %v\n", res.Config.Seed, res.Stats.Jobs, res.Config.Replicas, res.Config.Rates.Kinds())
	for _, l := range told.History {
		fmt.Fprintln(&b, l)
	}
	fmt.Fprintf(&b, "repeat it with: %s", res.Replay())
	return b.String()
}
