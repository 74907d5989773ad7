package setup

import (
	"regexp"
	"strconv"
	"strings"
)

// change is what becomes of one key of the settings file: these values, or nothing.
type change struct {
	key    string
	list   bool
	values []string
}

func set(key, value string) change {
	if value == "" {
		return change{key: key}
	}
	return change{key: key, values: []string{value}}
}

func setList(key string, values []string) change { return change{key: key, list: true, values: values} }

// edit changes keys of a settings file and leaves everything else as its author wrote it, comments included.
func edit(content string, changes []change) string {
	lines := strings.Split(content, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	for _, c := range changes {
		lines = c.apply(lines)
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func (c change) apply(lines []string) []string {
	from, to := entry(lines, c.key)
	if from < 0 {
		return append(lines, c.text()...)
	}
	return append(append(append([]string{}, lines[:from]...), c.text()...), lines[to:]...)
}

// entry finds the lines of a key: its own and those below that are indented or items of its list.
func entry(lines []string, key string) (from, to int) {
	for i, line := range lines {
		if name, _, ok := strings.Cut(line, ":"); !ok || strings.Trim(name, `"' `) != key || strings.HasPrefix(line, " ") {
			continue
		}
		to = i + 1
		for to < len(lines) && (strings.HasPrefix(lines[to], " ") || strings.HasPrefix(lines[to], "-")) {
			to++
		}
		return i, to
	}
	return -1, -1
}

func (c change) text() []string {
	switch {
	case len(c.values) == 0:
		return nil
	case !c.list:
		return []string{c.key + ": " + scalar(c.values[0])}
	}
	out := []string{c.key + ":"}
	for _, v := range c.values {
		out = append(out, "  - "+scalar(v))
	}
	return out
}

// scalar writes a value so that it is read as it is.
func scalar(v string) string {
	if plain := regexp.MustCompile(`^[A-Za-z0-9/.][A-Za-z0-9/._-]*(:[A-Za-z0-9/._-]+)*$`); plain.MatchString(v) {
		return v
	}
	return strconv.Quote(v)
}
