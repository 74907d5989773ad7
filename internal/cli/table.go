package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// column is one column of a table.
type column struct {
	title string
	right bool // aligned to the right: numbers and times
	// flexible columns are cut when the terminal is too narrow for all.
	flexible bool
}

// cell is one entry, with the colour that it has on a terminal.
type cell struct {
	text string
	ink  ink
}

// ink is a colour in the eight that every terminal has, so that the user's own theme decides how it looks.
type ink string

const (
	plain ink = ""
	dim   ink = "2"
	bold  ink = "1"
	red   ink = "31"
	green ink = "32"
	amber ink = "33"
	blue  ink = "34"
)

func text(s string) cell { return cell{text: s} }

// table lays rows out in columns.
type table struct {
	columns []column
	rows    [][]cell
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

const gap = "  "

// minFlexible is what is left of a column that is cut.
const minFlexible = 10

// write prints the table. width 0 is unbounded: a pipe or a file gets everything.
func (t *table) write(w io.Writer, width int, color bool) error {
	widths := t.widths(width)
	var b strings.Builder
	head := make([]cell, 0, len(t.columns))
	for _, c := range t.columns {
		head = append(head, cell{c.title, dim})
	}
	for _, row := range append([][]cell{head}, t.rows...) {
		t.line(&b, row, widths, color)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing a table: %w", err)
	}
	return nil
}

func (t *table) line(b *strings.Builder, row []cell, widths []int, color bool) {
	last := len(row) - 1
	for last > 0 && strings.TrimSpace(row[last].text) == "" {
		last-- // no spaces at the end of a line
	}
	for i, c := range row[:last+1] {
		s := cut(clean(c.text), widths[i])
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(s))
		if i > 0 {
			b.WriteString(gap)
		}
		if t.columns[i].right {
			b.WriteString(pad)
		}
		b.WriteString(paint(s, c.ink, color))
		if !t.columns[i].right && i < last {
			b.WriteString(pad)
		}
	}
	b.WriteByte('\n')
}

// widths gives each column what its longest cell needs and, where that is too much, takes from the flexible ones, the widest
// first.
func (t *table) widths(width int) []int {
	out := make([]int, len(t.columns))
	total := len(gap) * (len(t.columns) - 1)
	for i, c := range t.columns {
		out[i] = utf8.RuneCountInString(c.title)
		for _, row := range t.rows {
			out[i] = max(out[i], utf8.RuneCountInString(clean(row[i].text)))
		}
		total += out[i]
	}
	for width > 0 && total > width {
		widest := -1
		for i, c := range t.columns {
			if c.flexible && out[i] > minFlexible && (widest < 0 || out[i] > out[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		out[widest]--
		total--
	}
	return out
}

func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	r := []rune(s)
	return string(r[:max(width-1, 0)]) + "…"
}

// clean keeps names that came from elsewhere from moving the cursor or colouring the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
			return ' '
		}
		return r
	}, s)
}

// cleanLines is clean for text of several lines.
func cleanLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		lines[i] = clean(strings.ReplaceAll(l, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

func paint(s string, i ink, color bool) string {
	if !color || i == plain || s == "" {
		return s
	}
	return "\x1b[" + string(i) + "m" + s + "\x1b[0m"
}
