package label

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/spelling"
)

// closest returns the name nearest to what was written, if it is near enough to be what was meant: at most a third of
// its letters, rounded up, differ.
func closest(written string, names []string) (string, bool) {
	written = lower(strings.TrimSpace(written))
	if len(written) > MaxLength { // nothing of ours is that long, and the effort is quadratic
		return "", false
	}
	best, bestDistance := "", 0
	for _, n := range slices.Sorted(slices.Values(names)) {
		d := spelling.Distance(written, lower(n))
		if best == "" || d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best, best != "" && bestDistance <= (len(best)+2)/3
}

// lookup finds a configured name without regard to case.
func lookup(written string, names []string) (string, bool) {
	for _, n := range slices.Sorted(slices.Values(names)) {
		if lower(n) == lower(written) {
			return n, true
		}
	}
	return "", false
}

// list writes names for a sentence.
func list(names []string) string {
	return strings.Join(slices.Sorted(slices.Values(names)), ", ")
}

func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// unconfigured explains that a name is not configured and lists those that are; otherwise says what works without.
func unconfigured(seg segment, kind string, names []string, otherwise string) *fault {
	reason := fmt.Sprintf("no %s named %q is configured", kind, seg.value)
	if len(names) == 0 {
		return &fault{seg, reason, fmt.Sprintf("no %s is configured yet; %s", kind, otherwise)}
	}
	suggestion := "configured: " + list(names)
	if near, ok := closest(seg.value, names); ok {
		suggestion = fmt.Sprintf("did you mean %s=%s? (%s)", seg.key, near, suggestion)
	}
	if otherwise != "" {
		suggestion += "; " + otherwise
	}
	return &fault{seg, reason, suggestion}
}
