package joblog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/web/joblog"
)

func TestLines(t *testing.T) {
	log := "\ufeff2026-03-14T12:00:00.1234567Z ##[group]Run make test\n" +
		"2026-03-14T12:00:01.0000000Z \x1b[36;1mmake test\x1b[0m\r\n" +
		"2026-03-14T12:00:01.5000000Z ##[endgroup]\n" +
		"2026-03-14T12:00:02.0000000Z ##[error]Process completed with exit code 2.\n" +
		"no time, \x1b]8;;https://example.com\x07a link\x1b]8;;\x07 and \u202ereversed\n" +
		"##[unknown]stays\n\n"
	want := joblog.Log{Lines: []joblog.Line{
		{Number: 1, Time: "12:00:00", Kind: joblog.Group, Text: "Run make test"},
		{Number: 2, Time: "12:00:01", Text: "make test"},
		{Number: 4, Time: "12:00:02", Kind: joblog.Error, Text: "Process completed with exit code 2."},
		{Number: 5, Text: "no time, a link and reversed"},
		{Number: 6, Text: "##[unknown]stays"},
	}}
	if diff := cmp.Diff(want, joblog.Parse([]byte(log), 100)); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyTheEndOfALongLogIsRead(t *testing.T) {
	got := joblog.Parse([]byte(strings.Repeat("x\n", 10)+"last"), 2)
	want := joblog.Log{Skipped: 9, Lines: []joblog.Line{{Number: 10, Text: "x"}, {Number: 11, Text: "last"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := joblog.Parse([]byte(strings.Repeat("x", 1<<20)), 2); len(got.Lines) != 1 || len(got.Lines[0].Text) > 5000 {
		t.Error("a line of a megabyte is shown whole")
	}
	if got := joblog.Parse(nil, 2); len(got.Lines) != 0 {
		t.Error(got)
	}
}

func TestNoLineCanMoveTheCursor(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		for _, l := range joblog.Parse([]byte(rapid.String().Draw(r, "log")), 100).Lines {
			if strings.ContainsAny(l.Text, "\x1b\r\n\x00\u202e") {
				r.Fatalf("%q", l.Text)
			}
		}
	})
}
