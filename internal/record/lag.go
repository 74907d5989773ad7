package record

import (
	"context"
	"time"
)

// DueLag says how long the row that waits longest has been due, 0 if none is. Like DueRows it reads an index.
func (r *Records) DueLag(ctx context.Context, now time.Time) (time.Duration, error) {
	rows, err := r.DueRows(ctx, now, 1)
	if err != nil {
		return 0, err
	}
	var longest time.Duration
	for _, d := range rows {
		at, err := d.Time()
		if err != nil {
			return 0, err
		}
		longest = max(longest, now.Sub(at))
	}
	return longest, nil
}
