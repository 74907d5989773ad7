package record

import (
	"context"
	"fmt"
	"strings"
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
		text, _, _ := strings.Cut(d.At, "#")
		at, err := time.Parse(sortTimeForm, text)
		if err != nil {
			return 0, fmt.Errorf("reading when %s is due: %w", d.Row.Key, err)
		}
		longest = max(longest, now.Sub(at))
	}
	return longest, nil
}
