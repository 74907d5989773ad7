package fleetconfig

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Severity says whether a finding keeps the configuration from being applied.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is wrong, or may not be what was meant. Line and Column count from 1.
type Finding struct {
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	// Suggestion is what to write or do instead; empty if the message says it.
	Suggestion string `json:"suggestion,omitempty"`
}

// String returns "3:5: error: message; suggestion".
func (f Finding) String() string {
	text := fmt.Sprintf("%d:%d: %s: %s", f.Line, f.Column, f.Severity, f.Message)
	if f.Suggestion != "" {
		text += "; " + f.Suggestion
	}
	return text
}

// Failed says whether one of the findings is an error.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// ErrInvalid says that a configuration has findings that keep it from being applied.
var ErrInvalid = errors.New("the fleet configuration is not valid")

func inOrder(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(findings)
}
