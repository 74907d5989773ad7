package github

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// MintBlock is how many mints a budget reserves at once, so that a shared counter is written for every tenth mint only
// (rule 4.7).
const MintBlock = 10

// MintsPerMinute is what GitHub's limit of 900 points a minute and endpoint allows at 5 points a POST (GitHub docs, "Rate
// limits for the REST API", secondary limits).
const MintsPerMinute = pointsPerMinute / pointsOfWrite

// MintSource hands out an installation's permissions to mint, to all replicas together.
type MintSource interface {
	// ReserveMints takes up to want mints of the installation, at most MintBlock. It may grant fewer; with none granted,
	// Until says when to ask again.
	ReserveMints(ctx context.Context, installation int64, want int) (MintReservation, error)
}

// MintReservation is a number of mints that may be used before Until.
type MintReservation struct {
	Granted int
	Until   time.Time
}

// Budget spends reserved mints one at a time.
type Budget struct {
	clock  seam.Clock
	source MintSource

	mu    sync.Mutex
	stock map[int64]MintReservation
}

// NewBudget returns a budget that reserves from source.
func NewBudget(clock seam.Clock, source MintSource) *Budget {
	return &Budget{clock: clock, source: source, stock: map[int64]MintReservation{}}
}

// Spend takes one mint, or returns *controller.BudgetError with the time at which there may be one.
func (b *Budget) Spend(ctx context.Context, installation int64) error {
	if b.fromStock(installation) {
		return nil
	}
	reserved, err := b.source.ReserveMints(ctx, installation, MintBlock)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("reserving mints: %w", err)
		}
		const soon = time.Second
		return &controller.BudgetError{Until: b.clock.Now().Add(soon), Reason: "minting budget cannot be read: " + err.Error()}
	}
	if reserved.Granted <= 0 {
		return &controller.BudgetError{Until: reserved.Until, Reason: "minting budget"}
	}
	reserved.Granted--
	b.keep(installation, reserved)
	return nil
}

func (b *Budget) fromStock(installation int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.stock[installation]
	if !ok {
		return false
	}
	if s.Granted <= 0 || !b.clock.Now().Before(s.Until) {
		delete(b.stock, installation)
		return false
	}
	s.Granted--
	b.stock[installation] = s
	return true
}

// keep adds to the stock what two callers may have reserved at the same time; the earlier end holds for both.
func (b *Budget) keep(installation int64, r MintReservation) {
	if r.Granted == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.stock[installation]; ok && s.Granted > 0 && b.clock.Now().Before(s.Until) {
		r.Granted += s.Granted
		if s.Until.Before(r.Until) {
			r.Until = s.Until
		}
	}
	b.stock[installation] = r
}

// WindowSource is the budget of a single process: MintsPerMinute in every minute, granted one by one.
type WindowSource struct {
	clock seam.Clock

	mu      sync.Mutex
	windows map[int64]*window
}

// NewWindowSource returns a source on this clock.
func NewWindowSource(clock seam.Clock) *WindowSource {
	return &WindowSource{clock: clock, windows: map[int64]*window{}}
}

// ReserveMints grants a single mint: asking again costs nothing here, and nothing is left over.
func (s *WindowSource) ReserveMints(_ context.Context, installation int64, _ int) (MintReservation, error) {
	s.mu.Lock()
	w, ok := s.windows[installation]
	if !ok {
		w = newWindow(MintsPerMinute)
		s.windows[installation] = w
	}
	s.mu.Unlock()
	now := s.clock.Now()
	granted, until := w.take(now, 1)
	if !granted {
		return MintReservation{Until: until}, nil
	}
	return MintReservation{Granted: 1, Until: now.Add(time.Second)}, nil
}
