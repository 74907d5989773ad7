package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress shows how the jobs are getting on: a table that is drawn anew on a terminal, added lines elsewhere.
type progress struct {
	out    io.Writer
	style  style
	height int // of the terminal; 0 if it is none
	quiet  bool
	drawn  int // lines of the table that are on the terminal
	last   string
	states map[int64]string
}

func newProgress(o Options) *progress {
	return &progress{
		out: o.Out, style: style{width: o.Width, color: o.Color}, height: o.Height, quiet: o.JSON, states: map[int64]string{},
	}
}

// say adds a line for the reader, which no later drawing removes.
func (p *progress) say(format string, values ...any) {
	if !p.quiet {
		_, _ = fmt.Fprintf(p.out, format+"\n", values...)
		p.drawn, p.last = 0, ""
	}
}

// show shows the rows as they are now.
func (p *progress) show(rows []row, now time.Time) {
	switch {
	case p.quiet:
	case p.style.width > 0:
		p.draw(rows)
	default:
		p.add(rows, now)
	}
}

// draw replaces the table on the terminal. One that is too high for it is told by its numbers until the end.
func (p *progress) draw(rows []row) {
	const around = 4 // lines that the terminal needs for itself and the prompt
	text := renderTable(rows, p.style)
	if p.height > 0 && len(rows)+around > p.height {
		text = counts(rows) + "\n"
	}
	if text == p.last {
		return
	}
	up := ""
	if p.drawn > 0 {
		up = fmt.Sprintf("\x1b[%dA\x1b[J", p.drawn)
	}
	_, _ = io.WriteString(p.out, up+text)
	p.drawn, p.last = strings.Count(text, "\n"), text
}

// add writes a line for each job that is in another state than before.
func (p *progress) add(rows []row, now time.Time) {
	for _, r := range rows {
		state := r.Status
		if r.ended() {
			state = string(r.Result)
		}
		if p.states[r.JobID] == state {
			continue
		}
		p.states[r.JobID] = state
		text := result(r).text
		if r.Status == "in_progress" && !r.ended() {
			text = fmt.Sprintf("● running on %s, waited %s", r.Runner, waited(r))
		}
		_, _ = fmt.Fprintf(p.out, "%s  %s / %s: %s\n", now.UTC().Format("15:04:05"), r.Workflow, r.Job, text)
	}
}

// finish leaves the whole table behind.
func (p *progress) finish(rows []row) {
	if p.quiet {
		return
	}
	text := renderTable(rows, p.style)
	switch {
	case p.style.width > 0 && p.drawn > 0:
		_, _ = fmt.Fprintf(p.out, "\x1b[%dA\x1b[J", p.drawn)
	case p.style.width == 0:
		text = "\n" + text
	}
	_, _ = io.WriteString(p.out, text+renderReports(rows, p.style))
	p.drawn = 0
}

func counts(rows []row) string {
	queued, running, ended := 0, 0, 0
	for _, r := range rows {
		switch {
		case r.ended():
			ended++
		case r.Status == "in_progress":
			running++
		default:
			queued++
		}
	}
	return fmt.Sprintf("%d jobs: %d queued, %d running, %d ended", len(rows), queued, running, ended)
}
