// Package joblog reads the log of a job as GitHub writes it: lines that begin with a time, some of which are commands of the
// runner. It is pure.
package joblog

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
)

// Kind says how a line is to be shown.
type Kind string

// The kinds of lines.
const (
	Plain   Kind = ""
	Group   Kind = "group" // the title of what follows
	Command Kind = "command"
	Error   Kind = "error"
	Warning Kind = "warning"
	Notice  Kind = "notice"
	Debug   Kind = "debug"
)

// Line is one line without its time's fraction, its colours and its marks.
type Line struct {
	Number int    // in the whole log, from 1
	Time   string // "12:00:01", empty if the line has none
	Kind   Kind
	Text   string
}

// Log is the end of a log.
type Log struct {
	Lines   []Line
	Skipped int // lines before the first
}

// maxLine bounds a line, in bytes: a line of megabytes would make a page useless.
const maxLine = 4 << 10

var (
	stamp   = regexp.MustCompile(`^\x{feff}?\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)(?:\.\d+)?Z ?`)
	colours = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)`) //nolint:gocritic // ECMA-48: intermediate bytes are from space to /
	mark    = regexp.MustCompile(`^##\[([a-z]+)\]`)
)

// Parse reads the last lines of a log.
func Parse(content []byte, most int) Log {
	content = bytes.TrimRight(content, "\r\n")
	if len(content) == 0 {
		return Log{}
	}
	lines := bytes.Split(content, []byte("\n"))
	skipped := max(0, len(lines)-most)
	out := Log{Skipped: skipped}
	for i, l := range lines[skipped:] {
		if line, ok := parseLine(string(l)); ok {
			line.Number = skipped + i + 1
			out.Lines = append(out.Lines, line)
		}
	}
	return out
}

func parseLine(text string) (Line, bool) {
	var l Line
	if m := stamp.FindStringSubmatch(text); m != nil {
		l.Time, text = m[1], text[len(m[0]):]
	}
	text = colours.ReplaceAllString(text, "")
	if m := mark.FindStringSubmatch(text); m != nil {
		rest := text[len(m[0]):]
		switch Kind(m[1]) {
		case Group, Command, Error, Warning, Notice, Debug:
			l.Kind, text = Kind(m[1]), rest
		default:
			if m[1] == "endgroup" {
				return Line{}, false
			}
		}
	}
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + " ... (the line goes on)"
	}
	l.Text = clean(text)
	return l, true
}

// clean takes out what a browser would not show, or would let rearrange the line.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
