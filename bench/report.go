package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything that one run measured, and on what.
type report struct {
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended"`
	CPUs    int       `json:"cpus"`
	Go      string    `json:"go"`
	Kernel  string    `json:"kernel,omitempty"`
	Load    string    `json:"load_before"` // the kernel's averages over 1, 5 and 15 minutes
	LoadEnd string    `json:"load_after"`
	Quick   bool      `json:"quick,omitempty"`
	Figures []figure  `json:"figures"`
	Notes   []string  `json:"notes,omitempty"`
}

// figure is one measured value, beside its limit and its aim.
type figure struct {
	Benchmark string  `json:"benchmark"`
	Case      string  `json:"case"`
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	Value     float64 `json:"value"`
	// Limit is the same of what the machine allows, measured in this run; zero if nothing was measured beside it.
	Limit float64 `json:"limit,omitempty"`
	Ratio float64 `json:"ratio,omitempty"`
	Aim   string  `json:"aim,omitempty"`
	Met   *bool   `json:"met,omitempty"`
}

func newReport(now time.Time, quick bool) *report {
	return &report{
		Began: now, CPUs: runtime.NumCPU(), Go: runtime.Version(), Kernel: firstLine("/proc/sys/kernel/osrelease"), Load: loadAverage(),
		Quick: quick,
	}
}

func (r *report) end(now time.Time) {
	r.Ended, r.LoadEnd = now, loadAverage()
}

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// add takes a figure in and computes its ratio and whether its aim is met.
func (r *report) add(f figure, a aim) {
	if f.Limit != 0 {
		f.Ratio = f.Value / f.Limit
	}
	if a.met != nil {
		met := a.met(f)
		f.Aim, f.Met = a.text, &met
	}
	r.Figures = append(r.Figures, f)
}

// aim is a bound on a figure; the zero aim is none.
type aim struct {
	text string
	met  func(figure) bool
}

func atMost(bound float64, unit string) aim {
	return aim{"<= " + number(bound) + " " + unit, func(f figure) bool { return f.Value <= bound }}
}

func ratioAtMost(bound float64) aim { //nolint:unparam // a bound is said where it is aimed at
	return aim{"<= " + number(bound) + " x limit", func(f figure) bool { return f.Ratio <= bound }}
}

func ratioAtLeast(bound float64) aim {
	return aim{">= " + number(bound) + " x limit", func(f figure) bool { return f.Ratio >= bound }}
}

func (r *report) json(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (r *report) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "%s, %d CPUs, Linux %s, %s; load before %s, after %s\n\n", r.Began.Format("2006-01-02 15:04 MST"), r.CPUs, r.Kernel, r.Go, r.Load, r.LoadEnd)
	_, _ = fmt.Fprintln(w, "benchmark\tcase\twhat\tmeasured\tlimit\tratio\taim\t")
	for _, f := range r.Figures {
		limit, ratio, met := "", "", ""
		if f.Limit != 0 {
			limit, ratio = number(f.Limit)+" "+f.Unit, strconv.FormatFloat(f.Ratio, 'f', 2, 64)
		}
		if f.Met != nil {
			met = map[bool]string{true: "met", false: "MISSED"}[*f.Met]
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s %s\t%s\t%s\t%s\t%s\n", f.Benchmark, f.Case, f.What, number(f.Value), f.Unit, limit, ratio, f.Aim, met)
	}
	if len(r.Notes) > 0 {
		_, _ = fmt.Fprintln(w)
	}
	for _, n := range r.Notes {
		_, _ = fmt.Fprintln(w, n)
	}
	if r.Quick {
		_, _ = fmt.Fprintln(w, "\nA quick run: it shows that everything works, not how fast.")
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// number writes a figure with three significant digits, or whole from 1,000 on.
func number(v float64) string {
	switch {
	case v >= 1000:
		text := strconv.FormatFloat(v, 'f', 0, 64)
		for i := len(text) - 3; i > 0; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
		return text
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func loadAverage() string {
	fields := strings.Fields(firstLine("/proc/loadavg"))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
