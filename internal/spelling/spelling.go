// Package spelling finds the word that somebody meant who wrote another one. Pure.
package spelling

import "strings"

// Distance is the number of insertions, deletions, replacements and swaps of neighbours that turn a into b, in bytes: what is
// compared are keys and names in ASCII. Its effort is the product of the lengths.
func Distance(a, b string) int {
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

// Closest returns the known word that was most likely meant, the first of those that are equally near, or nothing when none is
// near: with more mistakes than half of its letters a word is another one. Case does not matter.
func Closest(written string, known []string) string {
	best, least := "", len(written)/2+1
	for _, k := range known {
		if d := Distance(strings.ToLower(written), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}
