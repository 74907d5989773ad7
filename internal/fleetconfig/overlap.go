package fleetconfig

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

const (
	dayMinutes = 24 * 60
	daysLooked = 400 // of a window of dates: a year and what its edges need
)

// overlaps warns of windows that apply at the same time and differ in size. Dates after days of the week are how an
// exception is written, so these are no surprise.
func (r *reader) overlaps(windows []schedule.Window, where []ast.Node, base schedule.Size) {
	for j, later := range windows {
		for _, earlier := range windows[:j] {
			if len(later.Dates) > 0 && len(earlier.Dates) == 0 || earlier.Size(base) == later.Size(base) {
				continue
			}
			if day, from, ok := common(earlier, later); ok {
				r.report(Warning, where[j], fmt.Sprintf("%s overlaps with %s of another size, as on %s from %s", windowName(later), windowName(earlier), day, from),
					"the later one wins: if that is not meant, change their order or their times")
			}
		}
	}
}

// common returns the first time at which both windows apply.
func common(a, b schedule.Window) (day string, from schedule.Clock, ok bool) {
	for _, da := range looked(a, b) {
		if !a.StartsOn(da) {
			continue
		}
		for db := da - 1; db <= da+1; db++ {
			if !b.StartsOn(db) {
				continue
			}
			begin := max(minute(da, a.Start), minute(db, b.Start))
			if begin >= min(until(da, a), until(db, b)) {
				continue
			}
			date := schedule.Date(begin / dayMinutes)
			day = date.Weekday().String()
			if len(a.Dates)+len(b.Dates) > 0 {
				day = date.String()
			}
			return day, schedule.Clock(begin % dayMinutes), true
		}
	}
	return "", 0, false
}

func minute(d schedule.Date, c schedule.Clock) int { return int(d)*dayMinutes + int(c) }

func until(d schedule.Date, w schedule.Window) int {
	if w.End <= w.Start {
		d++
	}
	return minute(d, w.End)
}

// looked are the days on which two windows can meet: those of dates, and else any week.
func looked(windows ...schedule.Window) []schedule.Date {
	var days []schedule.Date
	for _, w := range windows {
		for _, r := range w.Dates {
			for d := r.First - 1; d <= r.Last+1 && d < r.First+daysLooked; d++ {
				days = append(days, d)
			}
		}
	}
	if days == nil {
		monday := schedule.DateOf(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC))
		for d := monday; d < monday+7; d++ {
			days = append(days, d)
		}
	}
	return days
}

// never says whether a window has dates of which none is on its days.
func never(w schedule.Window) bool {
	if len(w.Dates) == 0 || len(w.Days) == 0 {
		return false
	}
	for _, r := range w.Dates {
		for d := r.First; d <= min(r.Last, r.First+6); d++ {
			if w.StartsOn(d) {
				return false
			}
		}
	}
	return true
}
