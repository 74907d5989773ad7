package fleetconfig

import (
	"fmt"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/spelling"
)

// meant says which of the known words was meant by one that is none of them, and else lists them.
func meant(written string, known []string) string {
	sorted := slices.Sorted(slices.Values(known))
	best := spelling.Closest(written, sorted)
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %s?", best)
	case len(sorted) == 0:
		return ""
	default:
		return "there are: " + strings.Join(sorted, ", ")
	}
}
