package schedule

import (
	"slices"
	"time"
)

// Size is how many machines a pool keeps.
type Size struct {
	Running int `json:"running"`
	Stopped int `json:"stopped"`
}

// Total is how many machines that is, in whatever state.
func (s Size) Total() int { return s.Running + s.Stopped }

// Window is a part of the days that it matches, with the size that applies in it.
type Window struct {
	Name string `json:"name,omitempty"`
	// Days are those of the week on which it starts. Without Days and Dates it starts every day; with both it starts on
	// the dates that fall on these days.
	Days  []time.Weekday `json:"days,omitempty"`
	Dates []DateRange    `json:"dates,omitempty"`
	// Start and End are in the zone of the schedule. An End that is not after Start is one of the next day, so equal ones
	// are a whole day.
	Start Clock `json:"start"`
	End   Clock `json:"end"`
	// Running and Stopped are the size; one that is nil is the pool's own number.
	Running *int `json:"running,omitempty"`
	Stopped *int `json:"stopped,omitempty"`
}

// StartsOn says whether the window has an instance that belongs to the day.
func (w Window) StartsOn(d Date) bool {
	if len(w.Dates) > 0 && !slices.ContainsFunc(w.Dates, func(r DateRange) bool { return r.Contains(d) }) {
		return false
	}
	return len(w.Days) == 0 || slices.Contains(w.Days, d.Weekday())
}

// Size is what applies in the window, where base are the pool's own numbers.
func (w Window) Size(base Size) Size {
	if w.Running != nil {
		base.Running = *w.Running
	}
	if w.Stopped != nil {
		base.Stopped = *w.Stopped
	}
	return base
}

// on returns the instance of the window that belongs to the day, which is empty when both of its ends fall into one gap.
func (w Window) on(loc *time.Location, d Date) (from, to time.Time) {
	last := d
	if w.End <= w.Start {
		last++
	}
	return instant(loc, d, w.Start), instant(loc, last, w.End)
}
