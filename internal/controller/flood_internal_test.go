package controller

import (
	"testing"
	"time"
)

func TestFloodIsWhenDeliveriesWaitForLong(t *testing.T) {
	began := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	var f flood
	sent := time.Duration(0)
	f.note(sent, began)
	for _, step := range []struct {
		after   time.Duration // since the last step
		senders float64       // that waited meanwhile, on average
		flooded bool
	}{
		{floodWindow, 64, false}, // a burst
		{floodWindow, 0.5, false},
		{floodWindow, 4, false},
		{floodWindow / 2, 4, false}, // half a window says nothing
		{floodWindow / 2, 4, true},
		{floodWindow / 2, 0, true},
		{floodWindow / 2, 3, false},
		{floodWindow, 16, false},
		{time.Hour, 0, false},
		{floodWindow, 16, false},
		{floodWindow, 16, true},
	} {
		began = began.Add(step.after)
		sent += time.Duration(step.senders * float64(step.after))
		if got := f.note(sent, began); got != step.flooded {
			t.Errorf("at %s with %g senders: flooded = %v, want %v", began, step.senders, got, step.flooded)
		}
	}
}
