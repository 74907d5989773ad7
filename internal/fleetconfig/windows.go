package fleetconfig

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

func (r *reader) windows(n ast.Node, p *Pool) []schedule.Window {
	var out []schedule.Window
	var where []ast.Node
	taken := newNames("schedule")
	r.each(n, "schedules", func(item ast.Node) {
		w, at, ok := r.window(item)
		if at["name"] != nil {
			r.name(taken, w.Name, at["name"])
		}
		if !ok {
			return
		}
		if never(w) {
			r.warn(item, "%s never applies: none of its dates is on one of its days of the week", windowName(w))
		}
		out, where = append(out, w), append(where, or(at, "name", item))
	})
	r.overlaps(out, where, p.Size)
	return out
}

func windowName(w schedule.Window) string {
	if w.Name == "" {
		return "a schedule without a name"
	}
	return "schedule " + w.Name
}

// window reads one schedule; ok is false if it cannot be evaluated.
func (r *reader) window(item ast.Node) (schedule.Window, map[string]ast.Node, bool) {
	var w schedule.Window
	before := len(r.findings)
	at := r.mapping(
		item, "a schedule",
		key{name: "name", read: r.textInto(&w.Name, "name")},
		key{name: "days_of_week", read: func(n ast.Node) { w.Days = r.days(n) }},
		key{name: "dates", read: func(n ast.Node) { w.Dates = r.dates(n) }},
		key{name: "start", read: r.clockInto(&w.Start, "start")},
		key{name: "end", read: r.clockInto(&w.End, "end")},
		key{name: "start_hour", read: r.hourInto(&w.Start, "start_hour")},
		key{name: "end_hour", read: r.hourInto(&w.End, "end_hour")},
		key{name: "desired_running", read: r.sizeInto(&w.Running, "desired_running")},
		key{name: "desired_stopped", read: r.sizeInto(&w.Stopped, "desired_stopped")},
	)
	for _, end := range []string{"start", "end"} {
		if twice := at[end+"_hour"]; at[end] != nil && twice != nil {
			r.report(Error, twice, fmt.Sprintf("%s and %s_hour say the same thing", end, end), "remove one of the two")
		}
	}
	has := func(end string) bool { return at[end] != nil || at[end+"_hour"] != nil }
	switch {
	case has("start") && !has("end"):
		r.report(Error, item, windowName(w)+" has a start and no end", `write end: "00:00" for the end of the day`)
	case has("end") && !has("start"):
		r.report(Error, item, windowName(w)+" has an end and no start", `write start: "00:00" for the beginning of the day`)
	case w.Running == nil && w.Stopped == nil && at["desired_running"] == nil && at["desired_stopped"] == nil:
		r.report(Error, item, windowName(w)+" changes nothing", "give it desired_running, desired_stopped or both")
	}
	return w, at, !Failed(r.findings[before:])
}

func (r *reader) days(n ast.Node) []time.Weekday {
	var out []time.Weekday
	seen := map[time.Weekday]bool{}
	r.each(n, "days_of_week", func(item ast.Node) {
		text, ok := r.text(item, "a day of the week")
		if !ok {
			return
		}
		day, err := schedule.ParseDay(text)
		switch {
		case err != nil:
			r.fail(item, "%s", err)
		case seen[day]:
			r.warn(item, "%s is listed twice", day)
		default:
			seen[day] = true
			out = append(out, day)
		}
	})
	if len(out) == 0 && !Failed(r.findings) {
		r.report(Error, n, "days_of_week is empty", "leave it out for every day")
	}
	return out
}

func (r *reader) dates(n ast.Node) []schedule.DateRange {
	var out []schedule.DateRange
	r.each(n, "dates", func(item ast.Node) {
		text, ok := r.text(item, "a date")
		if !ok {
			return
		}
		dates, err := schedule.ParseDates(text)
		if err != nil {
			r.fail(item, "%s", err)
			return
		}
		out = append(out, dates)
	})
	if len(out) == 0 && !Failed(r.findings) {
		r.report(Error, n, "dates is empty", "leave it out for every day")
	}
	return out
}

func (r *reader) clockInto(to *schedule.Clock, what string) func(ast.Node) {
	return func(n ast.Node) {
		text, ok := r.text(n, what)
		if !ok {
			return
		}
		if _, quoted := r.resolve(n).(*ast.StringNode); !quoted { // 9:30 without quotes is a number to some readers of YAML
			r.report(Error, n, fmt.Sprintf("%s is the number %s", what, text), `write a time in quotes, as in "09:00"`)
			return
		}
		clock, err := schedule.ParseClock(text)
		if err != nil {
			r.fail(n, "%s: %s", what, err)
			return
		}
		*to = clock
	}
}

func (r *reader) hourInto(to *schedule.Clock, what string) func(ast.Node) {
	return func(n ast.Node) {
		const lastHour = 23
		if h, ok := r.number(n, what, 0, lastHour); ok {
			*to = schedule.Hour(h)
		}
	}
}

func (r *reader) sizeInto(to **int, what string) func(ast.Node) {
	return func(n ast.Node) {
		if v, ok := r.number(n, what, 0, mostMachines); ok {
			*to = &v
		}
	}
}
