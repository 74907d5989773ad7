// Package doctor looks at everything that a server needs and says for each problem what to do about it. It changes nothing.
package doctor

import (
	"context"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Level is how bad a finding is.
type Level string

// The levels. A problem keeps the fleet from working; a warning does not; a check is skipped when another's problem makes it
// pointless.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Problem Level = "problem"
	Skipped Level = "skipped"
)

// Finding is what one check found.
type Finding struct {
	Check  string `json:"check"`
	Level  Level  `json:"level"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"` // what to do, unless all is well
}

// Check is one thing to look at.
type Check struct {
	Name string
	Run  func(context.Context) []Finding
}

// deadline bounds each check, so that one that hangs hides no other.
const deadline = 30 * time.Second

// Run makes the checks in order.
func Run(ctx context.Context, clock seam.Clock, checks []Check) []Finding {
	var out []Finding
	for _, c := range checks {
		out = append(out, run(ctx, clock, c)...)
	}
	return out
}

func run(ctx context.Context, clock seam.Clock, c Check) []Finding {
	ctx, cancel := clock.WithTimeout(ctx, deadline)
	defer cancel()
	found := c.Run(ctx)
	for i := range found {
		if found[i].Check == "" {
			found[i].Check = c.Name
		}
	}
	return found
}

// Sound says whether there is no problem.
func Sound(findings []Finding) bool {
	for _, f := range findings {
		if f.Level == Problem {
			return false
		}
	}
	return true
}

// One is a single finding, for checks that have one thing to say.
func One(level Level, detail, remedy string) []Finding {
	return []Finding{{Level: level, Detail: detail, Remedy: remedy}}
}
