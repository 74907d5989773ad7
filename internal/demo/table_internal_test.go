package demo

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func rows() []row {
	return []row{
		{Workflow: "hello", Job: "hello Busan, cpu=1", JobID: 1, Status: "completed", Waited: 400 * time.Millisecond, Ran: 1500 * time.Millisecond, Runner: "rf-0bc4-l-c4e2-1", Result: Success, Expected: Success},
		{Workflow: "hello", Job: "hello Lagos, cpu=1", JobID: 2, Status: "in_progress", Waited: time.Second, Ran: 62 * time.Second, Runner: "rf-0bc4-l-cc00-1", Expected: Success},
		{Workflow: "fails", Job: "break", JobID: 3, Status: "completed", Waited: time.Second, Ran: time.Second, Runner: "rf-0bc4-l-3fb8-1", Result: Failure, Expected: Failure},
		{Workflow: "fails", Job: "deploy", JobID: 4, Status: "completed", Result: Skipped, Expected: Skipped},
		{Workflow: "typo", Job: "build", JobID: 5, Status: "queued", Waited: time.Second, Result: LabelError, Expected: LabelError, Report: &report{Kind: "check_run", Commit: "4a073c0ffee", Title: "label error", Summary: "unknown key\n\nThis concerns build"}},
		{Workflow: "odd", Job: "a", JobID: 6, Status: "completed", Waited: time.Second, Runner: "r", Result: Failure, Expected: Success},
		{Workflow: "odd", Job: "b", JobID: 7, Status: "queued", Waited: 2 * time.Second, Expected: Success},
		{Workflow: "odd", Job: "c", JobID: 8, Status: "pending", Expected: Success},
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	want := strings.TrimPrefix(`
WORKFLOW  JOB                 WAITED  RAN ON            RESULT
hello     hello Busan, cpu=1   0.4 s  rf-0bc4-l-c4e2-1  ✓ success, 1.5 s
          hello Lagos, cpu=1   1.0 s  rf-0bc4-l-cc00-1  ● running, 1:02 min
fails     break                1.0 s  rf-0bc4-l-3fb8-1  ✓ failure, 1.0 s, as expected
          deploy                   -  nothing           ✓ skipped, as expected
typo      build                1.0 s  nothing           ✓ label error reported, as expected
odd       a                    1.0 s  r                 ✗ failure, expected success
          b                    2.0 s  …                 ○ queued
          c                        -  …                 ○ waiting
`, "\n")
	if diff := cmp.Diff(want, renderTable(rows(), style{})); diff != "" {
		t.Error(diff)
	}
}

func TestNarrowTableKeepsTheEndsOfNames(t *testing.T) {
	t.Parallel()
	text := renderTable(rows(), style{width: 80})
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	if !strings.Contains(text, "4e2-1") || !strings.Contains(text, "cpu=1") || !strings.Contains(text, "…") {
		t.Errorf("names lost their ends:\n%s", text)
	}
}

// No text is cut to more than its width, and short ones are not cut at all.
func TestCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, width := rapid.String().Draw(t, "text"), rapid.IntRange(1, 40).Draw(t, "width")
		got := cut(text, width)
		length := utf8.RuneCountInString(text)
		if n := utf8.RuneCountInString(got); n != min(length, width) {
			t.Fatalf("%q cut to %d has %d characters", text, width, n)
		}
	})
}

func TestColoursOnlyWhereTheyAreWanted(t *testing.T) {
	t.Parallel()
	if text := renderTable(rows(), style{}); strings.Contains(text, "\x1b") {
		t.Errorf("colours in a file: %q", text)
	}
	text := renderTable(rows(), style{color: true})
	for _, want := range []string{"\x1b[32m✓ success, 1.5 s\x1b[0m", "\x1b[31m✗ failure, expected success\x1b[0m", "\x1b[33m● running"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q", want)
		}
	}
}

func TestReportsAreShownOnce(t *testing.T) {
	t.Parallel()
	twice := append(rows(), rows()...)
	want := "\nOn commit 4a073c0, as a failed check run:\n  label error\n\n  unknown key\n\n  This concerns build\n"
	if diff := cmp.Diff(want, renderReports(twice, style{})); diff != "" {
		t.Error(diff)
	}
}

func TestProgressOnATerminalReplacesTheTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(Options{Out: &out, Width: 100, Height: 40})
	p.show(rows(), time.Time{})
	first := out.Len()
	p.show(rows(), time.Time{})
	if out.Len() != first {
		t.Error("drew the same table twice")
	}
	changed := rows()
	changed[1].Status, changed[1].Result = "completed", Success
	p.show(changed, time.Time{})
	if second := out.String()[first:]; !strings.HasPrefix(second, "\x1b[9A\x1b[JWORKFLOW") {
		t.Errorf("drew %q", second)
	}
}

func TestProgressOnALowTerminalCounts(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(Options{Out: &out, Width: 100, Height: 10})
	p.show(rows(), time.Time{})
	if out.String() != "8 jobs: 2 queued, 1 running, 5 ended\n" {
		t.Errorf("drew %q", out.String())
	}
	p.finish(rows())
	if !strings.Contains(out.String(), "\x1b[1A\x1b[JWORKFLOW") {
		t.Errorf("the whole table is missing at the end: %q", out.String())
	}
}

func TestProgressElsewhereAddsLines(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(Options{Out: &out})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p.show(rows()[1:2], at)
	p.show(rows()[1:2], at)
	changed := rows()[1:2]
	changed[0].Status, changed[0].Result = "completed", Success
	p.show(changed, at)
	want := "03:04:05  hello / hello Lagos, cpu=1: ● running on rf-0bc4-l-cc00-1, waited 1.0 s\n" +
		"03:04:05  hello / hello Lagos, cpu=1: ✓ success, 1:02 min\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestProgressIsQuietForPrograms(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newProgress(Options{Out: &out, JSON: true})
	p.say("hello")
	p.show(rows(), time.Time{})
	p.finish(rows())
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}
