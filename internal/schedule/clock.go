package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	minutesPerHour = 60
	minutesPerDay  = 24 * minutesPerHour
	secondsPerDay  = minutesPerDay * 60
)

// Clock is what a clock on the wall shows, in minutes since midnight: 0 to 1439.
type Clock int

// ParseClock reads "09:00" or "9:00".
func ParseClock(text string) (Clock, error) {
	hours, minutes, ok := strings.Cut(text, ":")
	h, errHours := strconv.Atoi(hours)
	m, errMinutes := strconv.Atoi(minutes)
	switch {
	case !ok, errHours != nil, errMinutes != nil, len(minutes) != 2, hours == "", len(hours) > 2:
		return 0, fmt.Errorf("%q is no time of day: HH:MM is expected, as in 09:00", text) //nolint:err113 // for people
	case h == 24 && m == 0: //nolint:mnd // the hour after the last
		return 0, fmt.Errorf("%q is no time of day: the end of a day is written 00:00", text) //nolint:err113 // for people
	case h < 0 || h > 23 || m < 0 || m > 59:
		return 0, fmt.Errorf("%q is no time of day: 00:00 to 23:59 are", text) //nolint:err113 // for people
	}
	return Hour(h) + Clock(m), nil
}

// Hour is the full hour, 0 to 23.
func Hour(h int) Clock { return Clock(h * minutesPerHour) }

// String returns "09:00".
func (c Clock) String() string {
	return fmt.Sprintf("%02d:%02d", int(c)/minutesPerHour, int(c)%minutesPerHour)
}

// MarshalText writes the time of day as String does.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a time of day as ParseClock does.
func (c *Clock) UnmarshalText(text []byte) error {
	parsed, err := ParseClock(string(text))
	if err == nil {
		*c = parsed
	}
	return err
}

// ParseDay reads a day of the week: mon, monday, in any case, or 0 to 6 where 0 is Sunday.
func ParseDay(text string) (time.Weekday, error) {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 0 || n > 6 {
			return 0, fmt.Errorf("%d is no day of the week: 0 (Sunday) to 6 (Saturday) are", n) //nolint:err113 // for people
		}
		return time.Weekday(n), nil
	}
	for day := time.Sunday; day <= time.Saturday; day++ {
		name := strings.ToLower(day.String())
		if folded := strings.ToLower(text); folded == name || folded == name[:3] {
			return day, nil
		}
	}
	return 0, fmt.Errorf("%q is no day of the week: mon, tue, wed, thu, fri, sat, sun or 0-6 (0 is Sunday) are expected", text) //nolint:err113 // for people
}

// instant returns the first moment at which a clock in the zone shows the date and time or later: the first of two, and
// the end of the gap where there is none.
func instant(loc *time.Location, d Date, c Clock) time.Time {
	wanted := int64(d)*secondsPerDay + int64(c)*60 // as if the zone were UTC
	// No zone was ever more than 16 hours from UTC, so the clock shows less than what is wanted two days earlier.
	at := time.Unix(wanted-2*secondsPerDay, 0).In(loc)
	for {
		_, offset := at.Zone()
		_, end := at.ZoneBounds()
		found := time.Unix(max(wanted-int64(offset), at.Unix()), 0)
		if end.IsZero() || found.Before(end) {
			return found.UTC()
		}
		at = end.In(loc)
	}
}
