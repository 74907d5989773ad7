package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// line is something that happened, and what it is about: "job 7" or an instance, empty for everything.
type line struct {
	at    time.Duration
	about string
	text  string
}

// history is what happened, in words. It is kept only when a violation is to be explained: the run is simply repeated.
type history struct {
	w     *World
	keep  bool
	lines []line
}

func (h *history) add(about, format string, args ...any) {
	if !h.keep {
		return
	}
	h.lines = append(h.lines, line{h.w.since(), about, fmt.Sprintf(format, args...)})
}

// of selects the lines that concern one of these things, the last most of them.
func (h *history) of(things []string, most int) []string {
	var out []string
	for _, l := range h.lines {
		if !concerns(l, things) {
			continue
		}
		out = append(out, fmt.Sprintf("%12s  %s", l.at.Round(time.Millisecond), l.text))
	}
	if len(out) > most {
		first := most / 4
		cut := fmt.Sprintf("%12s  (%d lines left out)", "", len(out)-most)
		out = append(append(out[:first:first], cut), out[len(out)-most+first:]...)
	}
	return out
}

// Tell returns what a run that kept its history knows of these things ("job 7", or an instance); of everything, if there are none.
func (r Result) Tell(things ...string) []string { return r.history.of(things, len(r.history.lines)+1) }

func concerns(l line, things []string) bool {
	if len(things) == 0 {
		return true
	}
	for _, t := range things {
		if l.about == t || t != "" && strings.Contains(l.text+" ", t+" ") {
			return true
		}
	}
	return false
}

// recorder is a replica's logger.
type recorder struct {
	w    *World
	from string
}

var _ slog.Handler = (*recorder)(nil)

// Enabled implements slog.Handler.
func (r *recorder) Enabled(_ context.Context, l slog.Level) bool {
	return r.w.history.keep || l >= slog.LevelError
}

// Handle implements slog.Handler.
func (r *recorder) Handle(_ context.Context, rec slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.from, rec.Message)
	rec.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%s", a.Key, a.Value)
		return true
	})
	about := ""
	if rec.Level >= slog.LevelError {
		r.w.check.logged(b.String())
	}
	r.w.history.add(about, "%s", b.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler { return r }

// WithGroup implements slog.Handler.
func (r *recorder) WithGroup(string) slog.Handler { return r }
