package demo

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Colours of the eight that every terminal has.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// style is how a table looks on what it is written to.
type style struct {
	width int // 0 is unbounded
	color bool
}

func (s style) paint(text, ink string) string {
	if !s.color || ink == "" || text == "" {
		return text
	}
	return "\x1b[" + ink + "m" + text + "\x1b[0m"
}

// cell is a piece of a line, with its colour.
type cell struct{ text, ink string }

const (
	columnGap = 2
	minColumn = 8 // of a column that is cut
)

// renderTable lays the rows out in columns. A workflow is named once, in the first of its rows.
func renderTable(rows []row, s style) string {
	lines := [][]cell{{{"WORKFLOW", dim}, {"JOB", dim}, {"WAITED", dim}, {"RAN ON", dim}, {"RESULT", dim}}}
	previous := ""
	for _, r := range rows {
		name := r.Workflow
		if name == previous {
			name = ""
		}
		previous = r.Workflow
		lines = append(lines, []cell{{name, bold}, {r.Job, ""}, {waited(r), ""}, {ranOn(r), ""}, result(r)})
	}
	widths := columnWidths(lines, s.width)
	var b strings.Builder
	for _, line := range lines {
		var text strings.Builder
		for i, c := range line {
			const numbers = 2 // the column that is aligned to the right
			shown := cut(c.text, widths[i])
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(shown))
			if i == numbers {
				text.WriteString(pad)
			}
			text.WriteString(s.paint(shown, c.ink))
			if i != numbers {
				text.WriteString(pad)
			}
			text.WriteString(strings.Repeat(" ", columnGap))
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	return b.String()
}

// columnWidths gives each column what it needs and, where that is too much, takes from the widest of the names.
func columnWidths(lines [][]cell, width int) []int {
	widths := make([]int, len(lines[0]))
	total := columnGap * (len(widths) - 1)
	for i := range widths {
		for _, line := range lines {
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i].text))
		}
		total += widths[i]
	}
	for width > 0 && total > width {
		widest := -1
		for _, i := range []int{0, 1, 3} { // names; numbers and results are never cut
			if widths[i] > minColumn && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

// cut shortens a text in its middle, since the names of runners and of a matrix's jobs differ at their ends.
func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	tail := (width - 1) / 2 //nolint:mnd // half of what is left beside the mark
	return string(runes[:width-1-tail]) + "…" + string(runes[len(runes)-tail:])
}

func waited(r row) string {
	if r.Status == "pending" || r.Result == Skipped || r.Waited == 0 {
		return "-"
	}
	return seconds(r.Waited)
}

func ranOn(r row) string {
	switch {
	case r.Runner != "":
		return r.Runner
	case r.ended():
		return "nothing"
	default:
		return "…"
	}
}

func result(r row) cell {
	if !r.ended() {
		switch r.Status {
		case "in_progress":
			return cell{"● running, " + seconds(r.Ran), yellow}
		case "queued":
			return cell{"○ queued", ""}
		default:
			return cell{"○ waiting", dim}
		}
	}
	text := string(r.Result)
	if r.Result == LabelError {
		text = "label error reported"
	}
	if r.Ran > 0 {
		text += ", " + seconds(r.Ran)
	}
	switch {
	case !r.asExpected():
		return cell{"✗ " + text + ", expected " + string(r.Expected), red}
	case r.Result == Success:
		return cell{"✓ " + text, green}
	default:
		return cell{"✓ " + text + ", as expected", green}
	}
}

// seconds shows a duration as short as people read it.
func seconds(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	if d >= time.Minute {
		return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%int(time.Minute/time.Second))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// renderReports shows what was written on commits, each once.
func renderReports(rows []row, s style) string {
	var b strings.Builder
	seen := map[report]bool{}
	for _, r := range rows {
		if r.Report == nil || seen[*r.Report] {
			continue
		}
		seen[*r.Report] = true
		const short = 7 // digits of a commit, as git shows it
		kind := strings.ReplaceAll(r.Report.Kind, "_", " ")
		fmt.Fprintf(&b, "\n%s\n", s.paint(fmt.Sprintf("On commit %.*s, as a failed %s:", short, r.Report.Commit, kind), bold))
		for line := range strings.Lines(strings.TrimSpace(r.Report.Title + "\n\n" + without(r.Report.Summary, r.Report.Title))) {
			b.WriteString(strings.TrimRight("  "+line, " \n") + "\n")
		}
	}
	return b.String()
}

func without(text, same string) string {
	if text == same {
		return ""
	}
	return text
}
