package controller

import (
	"testing"
	"time"
)

func TestFloodLastsWhileEveryReceiveIsFull(t *testing.T) {
	began := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	var f flood
	for _, step := range []struct {
		after    time.Duration
		received int
		lasts    bool
	}{
		{0, receiveBatch, false},
		{floodAfter - 1, receiveBatch, false},
		{floodAfter, receiveBatch, true},
		{2 * floodAfter, receiveBatch - 1, false},
		{3 * floodAfter, receiveBatch, false},
		{4 * floodAfter, receiveBatch, true},
		{5 * floodAfter, 0, false},
	} {
		now := began.Add(step.after)
		f.received(step.received, now)
		if got := f.lasts(now); got != step.lasts {
			t.Errorf("after %s and %d messages: lasts = %v, want %v", step.after, step.received, got, step.lasts)
		}
	}
}
