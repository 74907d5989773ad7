package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // zones mean the same on machines without a database of their own
)

// Schedule is the windows of one pool in their zone. It is immutable.
type Schedule struct {
	loc     *time.Location
	base    Size
	windows []Window
}

// Zone finds a zone of the IANA database; an empty name is UTC.
func Zone(name string) (*time.Location, error) {
	if name == "Local" { // of whichever machine asks, which is not the same everywhere
		return nil, fmt.Errorf("%q is no zone of the IANA database: name one, as in Europe/Berlin", name) //nolint:err113 // for people
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no zone of the IANA database: a name as in Europe/Berlin or America/New_York is expected", name) //nolint:err113 // for people
	}
	return loc, nil
}

// New returns the schedule with these windows, of which the last that matches wins, and base where none does.
func New(zone *time.Location, base Size, windows []Window) *Schedule {
	return &Schedule{loc: zone, base: base, windows: slices.Clone(windows)}
}

// Zone is where the schedule's clock hangs.
func (s *Schedule) Zone() *time.Location { return s.loc }

// Applies is what holds at a time: the window that won, or none, and its size.
type Applies struct {
	// Window is the index of the window, or -1 when none matches.
	Window int    `json:"window"`
	Name   string `json:"name,omitempty"`
	Size   Size   `json:"size"`
}

// reach is how many days before that of a clock an instance may have begun which still lasts: an instance lasts a day, and
// one more is for the zones that skipped or repeated a day.
const reach = 2

// At returns what applies at t.
func (s *Schedule) At(t time.Time) Applies {
	today := DateOf(t.In(s.loc))
	for i := range slices.Backward(s.windows) {
		for d := today - reach; d <= today+1; d++ {
			if !s.windows[i].StartsOn(d) {
				continue
			}
			if from, to := s.windows[i].on(s.loc, d); !t.Before(from) && t.Before(to) {
				return s.applies(i)
			}
		}
	}
	return s.applies(-1)
}

func (s *Schedule) applies(window int) Applies {
	if window < 0 {
		return Applies{Window: -1, Size: s.base}
	}
	w := s.windows[window]
	return Applies{Window: window, Name: w.Name, Size: w.Size(s.base)}
}

// Next returns the first time after t at which the size is another one, and what applies then; false when it never changes
// again.
func (s *Schedule) Next(t time.Time) (time.Time, Applies, bool) {
	size := s.At(t).Size
	for _, at := range s.boundaries(t, s.anchors(t)) {
		if then := s.At(at); then.Size != size {
			return at, then, true
		}
	}
	return time.Time{}, Applies{}, false
}

// Span is a time in which one thing applies.
type Span struct {
	Applies

	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Between returns what applies from one time to another, without gaps and in order. Neighbours differ in their window or
// their size.
func (s *Schedule) Between(from, to time.Time) []Span {
	var days []Date
	for d := DateOf(from.In(s.loc)) - reach; d <= DateOf(to.In(s.loc))+1; d++ {
		days = append(days, d)
	}
	spans := []Span{{From: from, To: to, Applies: s.At(from)}}
	for _, at := range s.boundaries(from, days) {
		if !at.Before(to) {
			break
		}
		last := &spans[len(spans)-1]
		if then := s.At(at); then != last.Applies {
			last.To = at
			spans = append(spans, Span{From: at, To: to, Applies: then})
		}
	}
	return spans
}

// Most is the largest number of running, and of stopped, machines that applies at any time from one to another, both
// included.
func (s *Schedule) Most(from, to time.Time) Size {
	var most Size
	for _, span := range s.Between(from, to.Add(time.Nanosecond)) {
		most.Running = max(most.Running, span.Size.Running)
		most.Stopped = max(most.Stopped, span.Size.Stopped)
	}
	return most
}

// ahead is how many days after an anchor suffice: what repeats weekly has shown itself, even if one of its days is skipped.
const ahead = 15

// anchors returns the days whose instances must be looked at to know the next change. Between two ends of date ranges
// everything repeats weekly, so it is enough to look at some days after t and after each of these ends.
func (s *Schedule) anchors(t time.Time) []Date {
	today := DateOf(t.In(s.loc))
	begins := []Date{today}
	for _, w := range s.windows {
		for _, r := range w.Dates {
			begins = append(begins, r.First, r.Last+1)
		}
	}
	var days []Date
	for _, begin := range begins {
		for d := begin - reach; d <= begin+ahead; d++ {
			if d >= today-reach {
				days = append(days, d)
			}
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// boundaries returns the starts and ends after t of what belongs to these days, in order.
func (s *Schedule) boundaries(t time.Time, days []Date) []time.Time {
	var found []time.Time
	for _, w := range s.windows {
		for _, d := range days {
			if !w.StartsOn(d) {
				continue
			}
			from, to := w.on(s.loc, d)
			for _, at := range [...]time.Time{from, to} {
				if at.After(t) {
					found = append(found, at)
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b time.Time) int { return cmp.Compare(a.UnixNano(), b.UnixNano()) })
	return slices.CompactFunc(found, time.Time.Equal)
}
