package controller

import (
	"testing"
	"time"
)

func TestAReplicaThatIsNotReachedIsWorthOneWarning(t *testing.T) {
	var w wakes
	at := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		after   time.Duration // since the last step
		address string
		reached bool
		warning bool
	}{
		{0, "a", false, true},
		{time.Second, "a", false, false},
		{time.Second, "b", false, true},
		{deafFor - 2*time.Second, "a", false, true}, // it still is not
		{time.Second, "a", true, false},
		{time.Second, "a", false, true}, // it was reached meanwhile
	} {
		at = at.Add(step.after)
		if step.reached {
			w.heard(step.address)
			continue
		}
		if got := w.news(step.address, at); got != step.warning {
			t.Errorf("at %s: %s is worth a warning: %v, want %v", at.Format(time.TimeOnly), step.address, got, step.warning)
		}
	}
}
