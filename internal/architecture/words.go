package architecture

import (
	"fmt"
	"regexp"
	"strings"
)

// wordRule is a kind of words that has no place in the project.
type wordRule struct {
	words *regexp.Regexp
	why   string
}

// The patterns are written so that they do not match themselves.
func wordRules() []wordRule {
	return []wordRule{
		{
			words: regexp.MustCompile(`\b(TO[D]O|FIX[M]E|HA[C]K)\b`),
			why:   "what is left to do is an issue, with its reason, and not a mark in a file",
		},
		{
			words: regexp.MustCompile(`(?i)\b(coming\x20soon|for\x20now|not\x20yet\x20implemented|work\x20in\x20progress)\b`),
			why:   "the project describes what it is, and promises nothing",
		},
		{
			words: regexp.MustCompile("(^|[\\s\"'`(=])/(Users|work|root)/[A-Za-z.]"),
			why:   "a path of one person's machine means nothing on another",
		},
	}
}

// Misworded returns the places where such words are.
func Misworded(documents []Document) []string {
	var found []string
	for _, d := range documents {
		for i, line := range strings.Split(d.Text, "\n") {
			for _, r := range wordRules() {
				if m := r.words.FindString(line); m != "" {
					found = append(found, fmt.Sprintf("%s:%d: %q: %s", d.Path, i+1, strings.TrimSpace(m), r.why))
				}
			}
		}
	}
	return found
}
