package view_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

func TestSpansForPeople(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0.0 s", 840 * time.Millisecond: "0.8 s", 12 * time.Second: "12 s", 200 * time.Second: "3 m 20 s",
		125 * time.Minute: "2 h 5 m", 97 * time.Hour: "4 d 1 h",
	} {
		if got := view.Span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestAHistoryIsInTheOrderOfItsTimesAndInSentences(t *testing.T) {
	noon := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	var h fleet.History
	h = h.Add(noon.Add(time.Second), "ready", "Its agent reports.")
	h = h.Add(noon, "agent: boot", "boot")
	h = h.Add(noon.Add(2*time.Second), "agent: folder ready", "overlay")
	want := []view.Entry{
		{At: noon, Kind: "agent: boot", Text: "Agent: boot."},
		{At: noon.Add(time.Second), Kind: "ready", Text: "Its agent reports."},
		{At: noon.Add(2 * time.Second), Kind: "agent: folder ready", Text: "Agent: folder ready (overlay)."},
	}
	if diff := cmp.Diff(want, view.OfHistory(h)); diff != "" {
		t.Error(diff)
	}
}

func TestHowLongAJobWaitedAndRan(t *testing.T) {
	noon := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	for _, tt := range []struct {
		name        string
		job         fleet.Job
		waited, ran float64
	}{
		{"it waits", fleet.Job{Created: at(-90), Queued: at(-60)}, 60, 0},
		{"it waits for an approval", fleet.Job{Created: at(-90)}, 90, 0},
		{"it runs", fleet.Job{Created: at(-90), Queued: at(-60), Started: at(-50)}, 10, 50},
		{"it has ended", fleet.Job{Queued: at(-60), Started: at(-50), Ended: at(-20)}, 10, 30},
		{"it was cancelled while it waited", fleet.Job{Queued: at(-60), Ended: at(-20)}, 40, 0},
		{"GitHub's clock is behind ours", fleet.Job{Queued: at(-60), Started: at(-61), Ended: at(-62)}, 0, 0},
	} {
		got := view.OfJob(tt.job, noon)
		if got.WaitedSeconds != tt.waited || got.RanSeconds != tt.ran {
			t.Errorf("%s: waited %v, ran %v; want %v and %v", tt.name, got.WaitedSeconds, got.RanSeconds, tt.waited, tt.ran)
		}
	}
}
