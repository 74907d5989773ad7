package github_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// row is a counter row as replicas share one: so many mints, in blocks, until the minute's end.
type row struct {
	mu       sync.Mutex
	left     int
	lasts    time.Duration
	reserved []int
	err      error
}

func (r *row) ReserveMints(_ context.Context, _ int64, want int) (github.MintReservation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return github.MintReservation{}, r.err
	}
	granted := min(want, r.left)
	r.left -= granted
	r.reserved = append(r.reserved, granted)
	return github.MintReservation{Granted: granted, Until: time.Now().Add(r.lasts)}, nil
}

func TestBudgetReservesInBlocks(t *testing.T) { // rule 4.7, failure mode N18
	synctest.Test(t, func(t *testing.T) {
		r := &row{left: 25, lasts: time.Minute}
		b := github.NewBudget(seam.System{}, r)
		for i := range 25 {
			if err := b.Spend(t.Context(), 1); err != nil {
				t.Fatalf("mint %d: %v", i+1, err)
			}
		}
		if len(r.reserved) != 3 {
			t.Errorf("reserved %v, want three blocks", r.reserved)
		}
		var budget *controller.BudgetError
		if err := b.Spend(t.Context(), 1); !errors.As(err, &budget) || !budget.Until.Equal(time.Now().Add(time.Minute)) {
			t.Errorf("mint 26: %v", err)
		}
	})
}

func TestBudgetForgetsABlockOfAnEarlierMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &row{left: 100, lasts: time.Minute}
		b := github.NewBudget(seam.System{}, r)
		for range 2 {
			if err := b.Spend(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			sleep(t, time.Minute)
		}
		if len(r.reserved) != 2 {
			t.Errorf("reserved %v, want another block in another minute", r.reserved)
		}
	})
}

func TestBudgetThatCannotBeReadHoldsBack(t *testing.T) {
	b := github.NewBudget(seam.System{}, &row{err: errors.New("row is locked")})
	var budget *controller.BudgetError
	if err := b.Spend(t.Context(), 1); !errors.As(err, &budget) {
		t.Errorf("%v, want a budget error", err)
	}
}

func TestWaitingForTheBudgetCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.on(mintPath, always(201, minted))
		r := &row{lasts: time.Second}
		c := h.client(func(o *github.Options) { o.Mints = r })
		for range 1000 {
			if _, err := c.Mint(t.Context(), mintRequest()); outcome(err) != "not made" {
				t.Fatal(err)
			}
		}
		r.left = 1
		if _, err := c.Mint(t.Context(), mintRequest()); err != nil {
			t.Errorf("the budget is there: %v", err)
		}
	})
}

func TestBudgetSpendsNoMoreThanIsReserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &row{left: 60, lasts: time.Minute}
		b := github.NewBudget(seam.System{}, r)
		var (
			wg    sync.WaitGroup
			mu    sync.Mutex
			spent int
		)
		for range 100 {
			wg.Go(func() {
				if b.Spend(t.Context(), 1) == nil {
					mu.Lock()
					spent++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for b.Spend(t.Context(), 1) == nil { // what concurrent callers reserved too much is still there
			spent++
		}
		if spent != 60 {
			t.Errorf("spent %d of 60", spent)
		}
	})
}
