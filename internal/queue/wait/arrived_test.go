package wait_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue/wait"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// sleepers starts receivers that find nothing, and returns how often each has looked.
func sleepers(t *testing.T, room *wait.Room, contexts ...context.Context) (looks []int, end func()) {
	t.Helper()
	looks = make([]int, len(contexts))
	done := make(chan struct{}, len(contexts))
	for i, ctx := range contexts {
		go func() {
			_ = room.Wait(ctx, seam.System{}, time.Hour, func(context.Context) (bool, time.Time, error) {
				looks[i]++
				return false, time.Time{}, nil
			})
			done <- struct{}{}
		}()
		synctest.Wait() // the order of arrival
	}
	return looks, func() {
		room.Close()
		for range contexts {
			<-done
		}
	}
}

func TestArrivedWakesOneSleeperForEachMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var room wait.Room
		looks, end := sleepers(t, &room, t.Context(), t.Context(), t.Context())
		room.Arrived()
		room.Arrived()
		synctest.Wait()
		if again := looks[0] + looks[1] + looks[2] - 3; again != 2 {
			t.Errorf("%d looks for two messages, want 2 (looks of each: %v)", again, looks)
		}
		end()
	})
}

func TestArrivedIsPassedOnByAReceiverThatGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var room wait.Room
		first, giveUp := context.WithCancel(t.Context())
		looks, end := sleepers(t, &room, first, t.Context())
		room.Arrived() // wakes the first
		giveUp()       // before it can look
		synctest.Wait()
		if looks[0] == 1 && looks[1] != 2 {
			t.Errorf("looks of each: %v: nobody looked for the message", looks)
		}
		end()
	})
}

func TestArrivedMakesThoseWhoLookLookAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var room wait.Room
		began, count := time.Now(), 0
		err := room.Wait(t.Context(), seam.System{}, time.Hour, func(context.Context) (bool, time.Time, error) {
			count++
			if count == 1 {
				room.Arrived() // too late for this look
			}
			return count == 2, time.Time{}, nil
		})
		if took := time.Since(began); err != nil || took != 0 || count != 2 {
			t.Errorf("%d looks in %s, %v; want 2 at once", count, took, err)
		}
	})
}
