package schedule_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := schedule.Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func clock(t *testing.T, text string) schedule.Clock {
	t.Helper()
	c, err := schedule.ParseClock(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dates(t *testing.T, texts ...string) []schedule.DateRange {
	t.Helper()
	var out []schedule.DateRange
	for _, text := range texts {
		r, err := schedule.ParseDates(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func utc(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// in returns when the windows apply, in UTC.
func in(s *schedule.Schedule, from, to time.Time) []string {
	const form = "01-02 15:04"
	var out []string
	for _, span := range s.Between(from, to) {
		if span.Window >= 0 {
			out = append(out, span.From.UTC().Format(form)+" to "+span.To.UTC().Format(form))
		}
	}
	return out
}

func TestAWindowFollowsItsZone(t *testing.T) {
	days := func(ds ...time.Weekday) []time.Weekday { return ds }
	tests := []struct {
		name, zone, start, end string
		days                   []time.Weekday
		from, to               string
		want                   []string
	}{
		{
			"New York, office hours over the change in spring", "America/New_York", "09:00", "17:00", nil,
			"2026-03-07 06:00", "2026-03-09 06:00",
			[]string{"03-07 14:00 to 03-07 22:00", "03-08 13:00 to 03-08 21:00"},
		},
		{
			"New York, a start that does not exist is the end of the gap", "America/New_York", "02:30", "04:00", days(time.Sunday),
			"2026-03-07 00:00", "2026-03-10 00:00",
			[]string{"03-08 07:00 to 03-08 08:00"},
		},
		{
			"New York, an end that does not exist is the end of the gap", "America/New_York", "01:00", "02:30", days(time.Sunday),
			"2026-03-07 00:00", "2026-03-10 00:00",
			[]string{"03-08 06:00 to 03-08 07:00"},
		},
		{
			"New York, a window within the gap is empty", "America/New_York", "02:10", "02:50", days(time.Sunday),
			"2026-03-07 00:00", "2026-03-10 00:00", nil,
		},
		{
			"New York, a start that exists twice is the first", "America/New_York", "01:30", "03:00", days(time.Sunday),
			"2026-10-31 00:00", "2026-11-03 00:00",
			[]string{"11-01 05:30 to 11-01 08:00"},
		},
		{
			"New York, an end that exists twice is the first", "America/New_York", "00:00", "01:30", days(time.Sunday),
			"2026-10-31 00:00", "2026-11-03 00:00",
			[]string{"11-01 04:00 to 11-01 05:30"},
		},
		{
			"New York, the whole of a day of 25 hours", "America/New_York", "00:00", "00:00", days(time.Sunday),
			"2026-10-31 00:00", "2026-11-03 00:00",
			[]string{"11-01 04:00 to 11-02 05:00"},
		},
		{
			"New York, the whole of a day of 23 hours", "America/New_York", "00:00", "00:00", days(time.Sunday),
			"2026-03-07 00:00", "2026-03-10 00:00",
			[]string{"03-08 05:00 to 03-09 04:00"},
		},
		{
			"London, a night over the change in spring is an hour shorter", "Europe/London", "22:00", "06:00", days(time.Saturday),
			"2026-03-28 12:00", "2026-03-30 12:00",
			[]string{"03-28 22:00 to 03-29 05:00"},
		},
		{
			"London, a night over the change in autumn is an hour longer", "Europe/London", "22:00", "06:00", days(time.Saturday),
			"2026-10-24 12:00", "2026-10-26 12:00",
			[]string{"10-24 21:00 to 10-25 06:00"},
		},
		{
			"Seoul changes no clock today", "Asia/Seoul", "09:00", "18:30", days(time.Sunday, time.Monday),
			"2026-03-28 12:00", "2026-03-31 12:00",
			[]string{"03-29 00:00 to 03-29 09:30", "03-30 00:00 to 03-30 09:30"},
		},
		{
			"Seoul in 1988, in spring", "Asia/Seoul", "02:30", "04:00", days(time.Sunday),
			"1988-05-07 00:00", "1988-05-09 00:00",
			[]string{"05-07 17:00 to 05-07 18:00"},
		},
		{
			"Seoul in 1988, in autumn", "Asia/Seoul", "02:30", "04:00", days(time.Sunday),
			"1988-10-08 00:00", "1988-10-10 00:00",
			[]string{"10-08 16:30 to 10-08 19:00"},
		},
		{
			"Lord Howe goes forward by half an hour", "Australia/Lord_Howe", "02:15", "03:00", days(time.Sunday),
			"2026-10-03 00:00", "2026-10-05 00:00",
			[]string{"10-03 15:30 to 10-03 16:00"},
		},
		{
			"Lord Howe goes back by half an hour", "Australia/Lord_Howe", "01:45", "02:15", days(time.Sunday),
			"2026-04-04 00:00", "2026-04-06 00:00",
			[]string{"04-04 14:45 to 04-04 15:45"},
		},
		{
			"Apia had no 30 December in 2011", "Pacific/Apia", "09:00", "17:00", nil,
			"2011-12-29 12:00", "2012-01-01 12:00",
			[]string{"12-29 19:00 to 12-30 03:00", "12-30 19:00 to 12-31 03:00", "12-31 19:00 to 01-01 03:00"},
		},
		{
			"Apia, the night before the day that was skipped ends with the gap", "Pacific/Apia", "22:00", "06:00", days(time.Thursday),
			"2011-12-29 12:00", "2012-01-01 12:00",
			[]string{"12-30 08:00 to 12-30 10:00"},
		},
		{
			"Apia, the skipped day alone", "Pacific/Apia", "00:00", "00:00", days(time.Friday),
			"2011-12-29 12:00", "2012-01-01 12:00", nil,
		},
		{
			"UTC, the night over the day on which others change", "UTC", "22:00", "06:00", nil,
			"2026-03-28 12:00", "2026-03-30 12:00",
			[]string{"03-28 22:00 to 03-29 06:00", "03-29 22:00 to 03-30 06:00"},
		},
		{
			"UTC, the same in autumn", "UTC", "01:30", "02:30", nil,
			"2026-10-25 00:00", "2026-10-26 00:00",
			[]string{"10-25 01:30 to 10-25 02:30"},
		},
		{
			"a night belongs to the day on which it starts", "UTC", "22:00", "06:00", days(time.Friday),
			"2026-03-02 00:00", "2026-03-09 00:00",
			[]string{"03-06 22:00 to 03-07 06:00"},
		},
		{
			"an end at midnight", "UTC", "18:00", "00:00", days(time.Monday),
			"2026-03-02 00:00", "2026-03-09 00:00",
			[]string{"03-02 18:00 to 03-03 00:00"},
		},
		{
			"equal start and end are a day that begins then", "UTC", "09:00", "09:00", days(time.Monday),
			"2026-03-02 00:00", "2026-03-09 00:00",
			[]string{"03-02 09:00 to 03-03 09:00"},
		},
		{
			"whole days that follow each other are one", "UTC", "00:00", "00:00", days(time.Saturday, time.Sunday),
			"2026-03-02 00:00", "2026-03-10 00:00",
			[]string{"03-07 00:00 to 03-09 00:00"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := schedule.Window{Days: tt.days, Start: clock(t, tt.start), End: clock(t, tt.end), Running: new(1)}
			s := schedule.New(zone(t, tt.zone), schedule.Size{}, []schedule.Window{w})
			if diff := cmp.Diff(tt.want, in(s, utc(t, tt.from), utc(t, tt.to))); diff != "" {
				t.Errorf("the window applies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheLastWindowThatMatchesWins(t *testing.T) {
	s := schedule.New(zone(t, "Asia/Seoul"), schedule.Size{Running: 1, Stopped: 4}, []schedule.Window{
		{
			Name: "business-hours", Days: []time.Weekday{1, 2, 3, 4, 5}, Start: clock(t, "09:00"), End: clock(t, "18:30"),
			Running: new(10), Stopped: new(20),
		},
		{Name: "release-day", Dates: dates(t, "2026-12-01", "2026-12-24..2026-12-26"), Running: new(30)},
	})
	tests := []struct {
		name, local, window string
		size                schedule.Size
	}{
		{"nothing matches", "2026-12-02 08:59", "", schedule.Size{Running: 1, Stopped: 4}},
		{"the first minute", "2026-12-02 09:00", "business-hours", schedule.Size{Running: 10, Stopped: 20}},
		{"the last minute", "2026-12-02 18:29", "business-hours", schedule.Size{Running: 10, Stopped: 20}},
		{"the end", "2026-12-02 18:30", "", schedule.Size{Running: 1, Stopped: 4}},
		{"a date over a weekday; a number that it does not give is the pool's", "2026-12-01 12:00", "release-day", schedule.Size{Running: 30, Stopped: 4}},
		{"the first day of a range", "2026-12-24 00:00", "release-day", schedule.Size{Running: 30, Stopped: 4}},
		{"the last day of a range, a Saturday", "2026-12-26 23:59", "release-day", schedule.Size{Running: 30, Stopped: 4}},
		{"after the range", "2026-12-27 00:00", "", schedule.Size{Running: 1, Stopped: 4}},
		{"a Sunday", "2026-12-06 12:00", "", schedule.Size{Running: 1, Stopped: 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, err := time.ParseInLocation("2006-01-02 15:04", tt.local, s.Zone())
			if err != nil {
				t.Fatal(err)
			}
			if got := s.At(at); got.Name != tt.window || got.Size != tt.size {
				t.Errorf("at %s applies %+v, want %q with %+v", tt.local, got, tt.window, tt.size)
			}
		})
	}
}

func TestDatesWithDaysAreTheDatesOnTheseDays(t *testing.T) {
	s := schedule.New(time.UTC, schedule.Size{}, []schedule.Window{
		{Days: []time.Weekday{time.Monday}, Dates: dates(t, "2026-12-01..2026-12-14"), Start: clock(t, "10:00"), End: clock(t, "11:00"), Running: new(1)},
	})
	want := []string{"12-07 10:00 to 12-07 11:00", "12-14 10:00 to 12-14 11:00"}
	if diff := cmp.Diff(want, in(s, utc(t, "2026-11-20 00:00"), utc(t, "2026-12-31 00:00"))); diff != "" {
		t.Errorf("applies (-want +got):\n%s", diff)
	}
}

func TestNext(t *testing.T) {
	office := schedule.Window{Name: "office", Days: []time.Weekday{1, 2, 3, 4, 5}, Start: clock(t, "09:00"), End: clock(t, "18:00"), Running: new(5)}
	same := schedule.Window{Name: "same", Start: clock(t, "12:00"), End: clock(t, "13:00"), Running: new(0)}
	far := schedule.Window{Name: "far", Dates: dates(t, "2031-02-03..2031-12-31"), Running: new(7)}
	tests := []struct {
		name    string
		windows []schedule.Window
		at      string
		want    string // empty: never
		size    int
	}{
		{"no window", nil, "2026-03-02 00:00", "", 0},
		{"a window of the size that applies anyway", []schedule.Window{same}, "2026-03-02 00:00", "", 0},
		{"into the window", []schedule.Window{office}, "2026-03-02 08:00", "2026-03-02 09:00", 5},
		{"at its first instant: its end", []schedule.Window{office}, "2026-03-02 09:00", "2026-03-02 18:00", 0},
		{"over the weekend", []schedule.Window{office}, "2026-03-06 18:00", "2026-03-09 09:00", 5},
		{"a date in five years", []schedule.Window{far}, "2026-03-02 00:00", "2031-02-03 00:00", 7},
		{"the end of a range of months", []schedule.Window{far}, "2031-02-03 00:00", "2032-01-01 00:00", 0},
		{"a range of months hides a window", []schedule.Window{office, far}, "2031-02-03 10:00", "2032-01-01 00:00", 0},
		{"nothing after the last range", []schedule.Window{far}, "2032-01-01 00:00", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, then, ok := schedule.New(time.UTC, schedule.Size{}, tt.windows).Next(utc(t, tt.at))
			switch {
			case tt.want == "" && ok:
				t.Errorf("changes at %s to %+v, want never", at, then)
			case tt.want != "" && (!ok || !at.Equal(utc(t, tt.want)) || then.Size.Running != tt.size):
				t.Errorf("changes at %s to %+v (%v), want at %s to %d", at, then, ok, tt.want, tt.size)
			}
		})
	}
}

func TestMost(t *testing.T) {
	s := schedule.New(time.UTC, schedule.Size{Running: 1, Stopped: 9}, []schedule.Window{
		{Start: clock(t, "09:00"), End: clock(t, "10:00"), Running: new(5), Stopped: new(2)},
	})
	tests := []struct {
		from, to string
		want     schedule.Size
	}{
		{"2026-03-02 08:00", "2026-03-02 08:59", schedule.Size{Running: 1, Stopped: 9}},
		{"2026-03-02 08:00", "2026-03-02 09:00", schedule.Size{Running: 5, Stopped: 9}},
		{"2026-03-02 09:10", "2026-03-02 09:10", schedule.Size{Running: 5, Stopped: 2}},
		{"2026-03-02 09:10", "2026-03-02 10:00", schedule.Size{Running: 5, Stopped: 9}},
	}
	for _, tt := range tests {
		if got := s.Most(utc(t, tt.from), utc(t, tt.to)); got != tt.want {
			t.Errorf("most from %s to %s is %+v, want %+v", tt.from, tt.to, got, tt.want)
		}
	}
}
