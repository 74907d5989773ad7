package view

import (
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// agentKind begins the kinds of what an agent reported; the rest is the name of the moment, the text its detail.
const agentKind = "agent: "

// OfHistory shows a history in the order of its times: what an agent reports arrives after it happened.
func OfHistory(h fleet.History) []Entry {
	out := make([]Entry, 0, len(h))
	for _, e := range h {
		shown := Entry(e)
		if moment, ok := strings.CutPrefix(e.Kind, agentKind); ok {
			shown.Text = agentText(moment, e.Text)
		}
		out = append(out, shown)
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return a.At.Compare(b.At) })
	return out
}

func agentText(moment, detail string) string {
	text := "Agent: " + moment
	if detail = strings.TrimSuffix(detail, "."); detail != "" && detail != moment {
		text += " (" + detail + ")"
	}
	return text + "."
}
