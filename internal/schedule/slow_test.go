package schedule_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// slow answers by walking through the minutes and looking at the clock of each, as a person would with a calendar on the
// wall. All changes of the zones since 1972 are on full minutes.
type slow struct {
	first time.Time
	shown []int64 // what the clock shows at each minute, in minutes since 1970 as if there were no zones
}

func walk(loc *time.Location, from, to time.Time) slow {
	s := slow{first: from}
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		local := at.In(loc)
		y, mo, d := local.Date()
		s.shown = append(s.shown, time.Date(y, mo, d, local.Hour(), local.Minute(), 0, 0, time.UTC).Unix()/60)
	}
	return s
}

// when returns the index of the first minute at which the clock shows the day and time or later.
func (s slow) when(d schedule.Date, c schedule.Clock) int {
	wanted := int64(d)*24*60 + int64(c)
	for i, shown := range s.shown {
		if shown >= wanted {
			return i
		}
	}
	return len(s.shown)
}

// sizes returns the size of every minute.
func (s slow) sizes(base schedule.Size, windows []schedule.Window) []schedule.Size {
	out := make([]schedule.Size, len(s.shown))
	for i := range out {
		out[i] = base
	}
	firstDay, lastDay := schedule.Date(s.shown[0]/(24*60)), schedule.Date(s.shown[len(s.shown)-1]/(24*60))
	for _, w := range windows { // a later one overwrites an earlier one
		for d := firstDay; d <= lastDay; d++ {
			if !matches(w, d) {
				continue
			}
			end := d
			if w.End <= w.Start {
				end++
			}
			for i := s.when(d, w.Start); i < s.when(end, w.End); i++ {
				out[i] = w.Size(base)
			}
		}
	}
	return out
}

func matches(w schedule.Window, d schedule.Date) bool {
	day, date := len(w.Days) == 0, len(w.Dates) == 0
	for _, wanted := range w.Days {
		day = day || wanted == time.Date(1970, 1, 1+int(d), 0, 0, 0, 0, time.UTC).Weekday()
	}
	for _, r := range w.Dates {
		for in := r.First; in <= r.Last; in++ {
			date = date || in == d
		}
	}
	return day && date
}

// changes are days on which the zone's clock jumps.
var changes = []struct{ zone, day string }{
	{"America/New_York", "2026-03-08"},
	{"America/New_York", "2026-11-01"},
	{"Europe/London", "2026-03-29"},
	{"Europe/London", "2026-10-25"},
	{"Asia/Seoul", "1988-05-08"},
	{"Asia/Seoul", "1988-10-09"},
	{"Australia/Lord_Howe", "2026-04-05"},
	{"Australia/Lord_Howe", "2026-10-04"},
	{"Pacific/Apia", "2011-12-30"},
	{"Pacific/Apia", "2012-04-01"},
	{"America/Sao_Paulo", "2018-11-04"},  // the gap is at midnight
	{"America/Sao_Paulo", "2018-02-18"},  // midnight exists twice
	{"Pacific/Kwajalein", "1993-08-21"},  // a day that was skipped
	{"Antarctica/Troll", "2026-03-29"},   // two hours
	{"Asia/Kathmandu", "1986-01-01"},     // a quarter of an hour
	{"Africa/Casablanca", "2026-02-15"},  // Ramadan
	{"America/Caracas", "2007-12-09"},    // half an hour, for good
	{"Asia/Pyongyang", "2018-05-05"},     // the same
	{"UTC", "2026-03-29"},                // never
	{"Pacific/Kiritimati", "1994-12-31"}, // a day that was skipped
	{"America/Nuuk", "2026-03-29"},       // at 22:00 or so of the day before
	{"America/St_Johns", "2006-10-29"},   // at a minute past midnight
	{"Atlantic/Azores", "2026-10-25"},    // over midnight
	{"Australia/Adelaide", "2026-04-05"}, // half an hour off the hour
	{"Antarctica/Casey", "2020-10-04"},   // three hours
	{"America/Argentina/San_Luis", "2009-03-15"},
}

func windows(day schedule.Date) *rapid.Generator[[]schedule.Window] {
	one := rapid.Custom(func(t *rapid.T) schedule.Window {
		w := schedule.Window{
			Days:  rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(0, 6), func(n int) time.Weekday { return time.Weekday(n) }), 0, 4, rapid.ID).Draw(t, "days"),
			Start: drawClock(t, "start"), End: drawClock(t, "end"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "ranges") {
			first := day + schedule.Date(rapid.IntRange(-3, 4).Draw(t, "first"))
			w.Dates = append(w.Dates, schedule.DateRange{First: first, Last: first + schedule.Date(rapid.IntRange(0, 3).Draw(t, "length"))})
		}
		if rapid.IntRange(0, 4).Draw(t, "with running") > 0 {
			w.Running = new(rapid.IntRange(0, 3).Draw(t, "running"))
		}
		if rapid.Bool().Draw(t, "with stopped") {
			w.Stopped = new(rapid.IntRange(0, 3).Draw(t, "stopped"))
		}
		return w
	})
	return rapid.SliceOfN(one, 0, 4)
}

// drawClock prefers the hours in which clocks jump.
func drawClock(t *rapid.T, name string) schedule.Clock {
	if rapid.Bool().Draw(t, name+" in the night") {
		return schedule.Clock(rapid.IntRange(0, 12).Draw(t, name) * 15)
	}
	return schedule.Clock(rapid.IntRange(0, 24*60-1).Draw(t, name))
}

func TestTheEvaluatorAgreesWithTheMinuteByMinuteOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		change := rapid.SampledFrom(changes).Draw(t, "change")
		day, err := schedule.ParseDate(change.day)
		if err != nil {
			t.Fatal(err)
		}
		loc, err := schedule.Zone(change.zone)
		if err != nil {
			t.Fatal(err)
		}
		base, ws := schedule.Size{Running: 1, Stopped: 1}, windows(day).Draw(t, "windows")
		fast := schedule.New(loc, base, ws)

		noon := time.Unix(int64(day)*24*60*60, 0).UTC().Add(12 * time.Hour)
		minutes := walk(loc, noon.AddDate(0, 0, -7), noon.AddDate(0, 0, 7))
		want := minutes.sizes(base, ws)
		const margin = 3 * 24 * 60 // instances that began before the walk are not seen by it

		spans := fast.Between(minutes.first.Add(margin*time.Minute), minutes.first.Add(time.Duration(len(want)-margin)*time.Minute))
		for i := margin; i < len(want)-margin; i++ {
			at := minutes.first.Add(time.Duration(i) * time.Minute)
			for !at.Before(spans[0].To) {
				spans = spans[1:]
			}
			if got := spans[0].Size; got != want[i] {
				t.Fatalf("at %s (%s) Between says %+v, minute by minute %+v", at, at.In(loc), got, want[i])
			}
		}

		i := rapid.IntRange(margin, len(want)-margin-1).Draw(t, "minute")
		at := minutes.first.Add(time.Duration(i) * time.Minute)
		if got := fast.At(at).Size; got != want[i] {
			t.Fatalf("At(%s) = %+v, minute by minute %+v", at, got, want[i])
		}
		compareNext(t, fast, at, i, minutes, want[:len(want)-margin])
	})
}

// compareNext looks for the next change minute by minute, as far as the walk went.
func compareNext(t *rapid.T, fast *schedule.Schedule, at time.Time, i int, minutes slow, want []schedule.Size) {
	next, then, ok := fast.Next(at)
	for j := i + 1; j < len(want); j++ {
		if want[j] == want[i] {
			continue
		}
		if first := minutes.first.Add(time.Duration(j) * time.Minute); !ok || !next.Equal(first) || then.Size != want[j] {
			t.Fatalf("after %s comes %s %+v (%v), minute by minute %s %+v", at, next, then, ok, first, want[j])
		}
		return
	}
	if end := minutes.first.Add(time.Duration(len(want)) * time.Minute); ok && next.Before(end) {
		t.Fatalf("after %s comes %s %+v, minute by minute nothing until %s", at, next, then, end)
	}
}
