package schedule

import (
	"fmt"
	"strings"
	"time"
)

// Date is a day of the calendar, without a zone: the number of days since 1970-01-01.
type Date int

const dateForm = "2006-01-02"

// DateOf returns the day that a clock in t's zone shows at t.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// ParseDate reads "2026-12-24".
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(dateForm, text)
	if err != nil {
		return 0, fmt.Errorf("%q is no date: YYYY-MM-DD is expected, as in 2026-12-24", text) //nolint:err113 // for people
	}
	return DateOf(t), nil
}

// String returns "2026-12-24".
func (d Date) String() string { return d.midnight().Format(dateForm) }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.midnight().Weekday() }

// MarshalText writes the date as String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a date as ParseDate does.
func (d *Date) UnmarshalText(text []byte) error {
	parsed, err := ParseDate(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

func (d Date) midnight() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// DateRange is the days from First to Last, both included.
type DateRange struct {
	First Date `json:"first"`
	Last  Date `json:"last"`
}

// ParseDates reads "2026-12-24" or "2026-12-24..2026-12-26".
func ParseDates(text string) (DateRange, error) {
	from, to, isRange := strings.Cut(text, "..")
	first, err := ParseDate(strings.TrimSpace(from))
	if err != nil {
		return DateRange{}, err
	}
	if !isRange {
		return DateRange{First: first, Last: first}, nil
	}
	last, err := ParseDate(strings.TrimSpace(to))
	if err != nil {
		return DateRange{}, err
	}
	if last < first {
		return DateRange{}, fmt.Errorf("%q ends before it begins: did you mean %s..%s?", text, last, first) //nolint:err113 // for people
	}
	return DateRange{First: first, Last: last}, nil
}

// Contains says whether the day is in the range.
func (r DateRange) Contains(d Date) bool { return r.First <= d && d <= r.Last }

// String returns the range as ParseDates reads it.
func (r DateRange) String() string {
	if r.First == r.Last {
		return r.First.String()
	}
	return r.First.String() + ".." + r.Last.String()
}
