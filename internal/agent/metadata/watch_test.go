package metadata_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/agent/metadata"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

type script struct {
	began time.Time
	says  func(after time.Duration) (metadata.Notice, error)
}

func (s script) Notice(context.Context) (metadata.Notice, error) {
	return s.says(seam.System{}.Now().Sub(s.began))
}

func watched(t *testing.T, says func(began time.Time, after time.Duration) (metadata.Notice, error)) (told []metadata.Notice, at []time.Duration, log string) {
	t.Helper()
	var text strings.Builder
	clock := seam.System{}
	ctx, cancel := clock.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began := clock.Now()
	source := script{began, func(after time.Duration) (metadata.Notice, error) { return says(began, after) }}
	metadata.Watch(ctx, clock, source, slog.New(slog.NewTextHandler(&text, nil)), func(n metadata.Notice) {
		told, at = append(told, n), append(at, clock.Now().Sub(began))
	})
	return told, at, text.String()
}

// A notice is passed on within five seconds, once, with the time that it had first.
func TestANoticeIsToldOnceAndSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var want []metadata.Notice
		told, at, _ := watched(t, func(began time.Time, after time.Duration) (n metadata.Notice, err error) {
			rebalance, interruption := began.Add(9*time.Second), began.Add(140*time.Second)
			want = []metadata.Notice{{Rebalance: rebalance}, {Rebalance: rebalance, Interruption: interruption, Action: "terminate"}}
			if after >= 10*time.Second {
				n.Rebalance = rebalance
			}
			if after >= 20*time.Second {
				n.Interruption, n.Action = interruption.Add(after-21*time.Second), "terminate" // another time whenever it is asked
			}
			return n, nil
		})
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
		for i, due := range []time.Duration{10 * time.Second, 20 * time.Second} {
			if i < len(at) && (at[i] < due || at[i] > due+5*time.Second) {
				t.Errorf("notice %d was told after %s, want within 5 s of %s", i, at[i], due)
			}
		}
	})
}

func TestAServiceThatFailsIsAskedAgainAndComplainedOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, _, log := watched(t, func(began time.Time, after time.Duration) (metadata.Notice, error) {
			if after < 30*time.Second {
				return metadata.Notice{}, errors.New("overloaded")
			}
			return metadata.Notice{Rebalance: began}, nil
		})
		if len(told) != 1 {
			t.Errorf("told %v, want the one notice after the failure", told)
		}
		if n := strings.Count(log, "overloaded"); n != 1 {
			t.Errorf("%d complaints, want one:\n%s", n, log)
		}
	})
}
