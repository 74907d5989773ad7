package fleetconfig

import (
	"fmt"
	"slices"
	"strings"
)

// meant says which of the known words was meant by one that is none of them, and else lists them.
func meant(written string, known []string) string {
	sorted := slices.Sorted(slices.Values(known))
	best, least := "", len(written)/2+1 // more edits than half the word is another word
	for _, k := range sorted {
		if d := edits(strings.ToLower(written), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %s?", best)
	case len(sorted) == 0:
		return ""
	default:
		return "there are: " + strings.Join(sorted, ", ")
	}
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
