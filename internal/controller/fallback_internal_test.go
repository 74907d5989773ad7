package controller

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

func TestEveryFallbackIsListedOnce(t *testing.T) { // failure mode A12
	source, err := os.ReadFile("fallback.go")
	if err != nil {
		t.Fatal(err)
	}
	var words []Fallback
	for _, m := range regexp.MustCompile(`Fallback = "([a-z_]+)"`).FindAllSubmatch(source, -1) {
		words = append(words, Fallback(m[1]))
	}
	listed := slices.Sorted(slices.Values(Fallbacks()))
	if !slices.Equal(slices.Sorted(slices.Values(words)), listed) || len(slices.Compact(listed)) != len(words) {
		t.Errorf("Fallbacks lists %d of %d words, or one of them twice", len(listed), len(words))
	}
}
