package wait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/queue/wait"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// looks counts the looks, and finds something in the one of that number.
func looks(count *int, finds int, next time.Time) wait.Look {
	return func(context.Context) (bool, time.Time, error) {
		*count++
		return *count == finds, next, nil
	}
}

func TestWaitLooksOnlyWhenThereMayBeSomething(t *testing.T) {
	for _, c := range []struct {
		name   string
		wait   time.Duration
		next   time.Duration // from the start; 0 is none
		notify []time.Duration
		looks  int
		took   time.Duration
	}{
		{"without a wait, once", 0, 0, nil, 1, 0},
		{"at the beginning and the end", 10 * time.Second, 0, nil, 2, 10 * time.Second},
		{"when something becomes visible, and at the end", 10 * time.Second, 3 * time.Second, nil, 3, 10 * time.Second},
		{"when something arrived that is visible before the end", 10 * time.Second, 0, []time.Duration{time.Second, 2 * time.Second}, 4, 10 * time.Second},
		{"not for what becomes visible after the end", 10 * time.Second, 0, []time.Duration{10 * time.Second, time.Hour}, 2, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var room wait.Room
				began, count := time.Now(), 0
				look := func(context.Context) (bool, time.Time, error) {
					count++
					if c.next != 0 && time.Since(began) < c.next {
						return false, began.Add(c.next), nil
					}
					return false, time.Time{}, nil
				}
				done := make(chan error, 1)
				go func() { done <- room.Wait(t.Context(), seam.System{}, c.wait, look) }()
				for _, visible := range c.notify {
					synctest.Wait()
					room.Visible(began.Add(visible))
				}
				if err := <-done; err != nil {
					t.Errorf("Wait: %v", err)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("Wait took %s, want %s", took, c.took)
				}
				if count != c.looks {
					t.Errorf("%d looks, want %d", count, c.looks)
				}
			})
		})
	}
}

func TestWaitEnds(t *testing.T) {
	broken := errors.New("broken")
	t.Run("with what it found", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var room wait.Room
			count := 0
			began := time.Now()
			if err := room.Wait(t.Context(), seam.System{}, time.Hour, looks(&count, 2, began.Add(time.Second))); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took != time.Second || count != 2 {
				t.Errorf("%d looks in %s, want 2 in 1s", count, took)
			}
		})
	})
	t.Run("at once with what arrives while it looks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var room wait.Room
			began, count := time.Now(), 0
			err := room.Wait(t.Context(), seam.System{}, time.Hour, func(context.Context) (bool, time.Time, error) {
				count++
				room.Visible(time.Now().Add(time.Second)) // too late for this look
				return count == 2, time.Time{}, nil
			})
			if took := time.Since(began); err != nil || took != 0 || count != 2 {
				t.Errorf("%d looks in %s, %v; want 2 at once", count, took, err)
			}
		})
	})
	t.Run("with the error of a look", func(t *testing.T) {
		var room wait.Room
		err := room.Wait(t.Context(), seam.System{}, time.Hour, func(context.Context) (bool, time.Time, error) { return false, time.Time{}, broken })
		if !errors.Is(err, broken) {
			t.Errorf("Wait = %v", err)
		}
	})
	t.Run("with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var room wait.Room
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			count := 0
			if err := room.Wait(ctx, seam.System{}, time.Hour, looks(&count, 0, time.Time{})); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Wait = %v, want the deadline's error", err)
			}
		})
	})
	t.Run("when the room is closed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var room wait.Room
			count := 0
			done := make(chan error, 1)
			go func() { done <- room.Wait(t.Context(), seam.System{}, time.Hour, looks(&count, 0, time.Time{})) }()
			synctest.Wait()
			room.Close()
			if err := <-done; !errors.Is(err, wait.ErrClosed) {
				t.Errorf("Wait = %v, want ErrClosed", err)
			}
			if err := room.Wait(t.Context(), seam.System{}, 0, looks(&count, 0, time.Time{})); !errors.Is(err, wait.ErrClosed) {
				t.Errorf("Wait in a closed room = %v, want ErrClosed", err)
			}
		})
	})
}
