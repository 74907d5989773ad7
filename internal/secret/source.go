package secret

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Source reads a secret at its place.
type Source interface {
	// Read returns what is valid now: the present value first, then a former one that the place still counts as valid.
	Read(ctx context.Context) ([]string, error)
}

// Fixed is a secret that the environment gave, which cannot change.
type Fixed string

// Read implements Source.
func (f Fixed) Read(context.Context) ([]string, error) { return []string{string(f)}, nil }

// FromFile is a secret in a file.
type FromFile string

// Read implements Source.
func (f FromFile) Read(context.Context) ([]string, error) {
	content, err := os.ReadFile(string(f))
	if err != nil {
		return nil, fmt.Errorf("reading a secret: %w", err)
	}
	return []string{string(content)}, nil
}

// Form is what a secret's text means.
type Form func(values []string) ([]string, error)

// Whole is a secret that is the whole text, such as a key in PEM or a token: the present one counts.
func Whole(values []string) ([]string, error) {
	if len(values) == 0 || strings.TrimSpace(values[0]) == "" {
		return nil, errEmpty
	}
	return []string{strings.TrimSpace(values[0])}, nil
}

// Lines is a secret that may have a second beside it while one replaces the other: a line each, the present one first. A
// former value that the place still has counts after them; the first two count.
func Lines(values []string) ([]string, error) {
	const most = 2
	var out []string
	for i, value := range values {
		var lines []string
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		if i == 0 && len(lines) > most {
			return nil, fmt.Errorf("it has %d lines: write the secret, and below it at most the one that it replaces", len(lines)) //nolint:err113 // shown
		}
		for _, line := range lines {
			if !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
	}
	if len(out) == 0 {
		return nil, errEmpty
	}
	return out[:min(len(out), most)], nil
}
