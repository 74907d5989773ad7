package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

func TestParseClock(t *testing.T) {
	for text, want := range map[string]schedule.Clock{"00:00": 0, "9:05": 545, "09:05": 545, "23:59": 1439} {
		if got, err := schedule.ParseClock(text); err != nil || got != want {
			t.Errorf("ParseClock(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for text, part := range map[string]string{"24:00": "written 00:00", "9": "HH:MM", "9:5": "HH:MM", "25:00": "23:59", "09:60": "23:59", "-1:00": "23:59", "": "HH:MM", "009:00": "HH:MM"} {
		if _, err := schedule.ParseClock(text); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("ParseClock(%q) = %v, want an error with %q", text, err, part)
		}
	}
}

func TestParseDay(t *testing.T) {
	for text, want := range map[string]time.Weekday{"0": time.Sunday, "6": time.Saturday, "mon": time.Monday, "Friday": time.Friday, "SAT": time.Saturday} {
		if got, err := schedule.ParseDay(text); err != nil || got != want {
			t.Errorf("ParseDay(%q) = %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"7", "-1", "m", "montag", ""} {
		if day, err := schedule.ParseDay(text); err == nil {
			t.Errorf("ParseDay(%q) = %s, want an error", text, day)
		}
	}
}

func TestParseDates(t *testing.T) {
	r, err := schedule.ParseDates("2026-12-24 .. 2026-12-26")
	if err != nil || r.String() != "2026-12-24..2026-12-26" {
		t.Errorf("ParseDates = %s, %v", r, err)
	}
	if one, err := schedule.ParseDates("2026-12-24"); err != nil || one.String() != "2026-12-24" {
		t.Errorf("ParseDates = %s, %v", one, err)
	}
	for text, part := range map[string]string{
		"2026-02-29": "YYYY-MM-DD", "24.12.2026": "YYYY-MM-DD", "2026-12-24..": "YYYY-MM-DD",
		"2026-12-26..2026-12-24": "did you mean 2026-12-24..2026-12-26",
	} {
		if _, err := schedule.ParseDates(text); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("ParseDates(%q) = %v, want an error with %q", text, err, part)
		}
	}
}

func TestZone(t *testing.T) {
	if loc, err := schedule.Zone(""); err != nil || loc != time.UTC {
		t.Errorf("no name = %s, %v; want UTC", loc, err)
	}
	for _, name := range []string{"Local", "CEST", "Berlin", "../etc/passwd"} {
		if loc, err := schedule.Zone(name); err == nil {
			t.Errorf("Zone(%q) = %s, want an error", name, loc)
		}
	}
}

func TestDatesAndTimesSurviveJSON(t *testing.T) {
	var d schedule.Date
	if err := d.UnmarshalText([]byte("2026-12-24")); err != nil || d.String() != "2026-12-24" || d.Weekday() != time.Thursday {
		t.Errorf("the date is %s, a %s, %v", d, d.Weekday(), err)
	}
	var c schedule.Clock
	if err := c.UnmarshalText([]byte("18:30")); err != nil || c.String() != "18:30" {
		t.Errorf("the time is %s, %v", c, err)
	}
	if d.UnmarshalText([]byte("x")) == nil || c.UnmarshalText([]byte("x")) == nil {
		t.Error("what is no date or time was read as one")
	}
}
