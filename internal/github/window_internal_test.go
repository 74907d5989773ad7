package github

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// In no minute, wherever it begins, more is spent than the limit; and what is refused becomes possible at the time named.
func TestWindowHoldsForEveryMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		w := newWindow(limit)
		now := time.Unix(rapid.Int64Range(-100, 1e9).Draw(t, "start"), 0)
		type spending struct {
			at time.Time
			n  int
		}
		var spent []spending
		for range rapid.IntRange(1, 80).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "later")))
			n := rapid.IntRange(1, limit).Draw(t, "n")
			ok, until := w.take(now, n)
			if !ok {
				if !until.After(now) || until.Sub(now) > windowLength {
					t.Fatalf("refused at %s until %s", now, until)
				}
				now = until
				if ok, _ = w.take(now, n); !ok {
					t.Fatalf("refused again at the time named, %s", now)
				}
			}
			spent = append(spent, spending{now, n})
			total := 0
			for _, s := range spent {
				if now.Sub(s.at) < time.Minute {
					total += s.n
				}
			}
			if total > limit {
				t.Fatalf("spent %d within a minute, limit %d", total, limit)
			}
		}
	})
}

func TestWindowSurvivesAClockThatStepsBack(t *testing.T) {
	w := newWindow(2)
	now := time.Unix(1_000_000, 0)
	for range 2 {
		if ok, _ := w.take(now, 1); !ok {
			t.Fatal("refused within the limit")
		}
	}
	if ok, _ := w.take(now.Add(-time.Hour), 1); ok {
		t.Error("a clock that steps back gives another minute")
	}
	if ok, _ := w.take(now.Add(windowLength), 1); !ok {
		t.Error("refused a minute later")
	}
}
