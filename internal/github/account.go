package github

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// appAccount is the account of calls that the App makes as itself; installations have positive ids, a personal token 0.
const appAccount int64 = -1

// maxInFlight bounds the concurrent calls of one account: GitHub allows 100, and a second replica has the other half.
const maxInFlight = 50

// Pauses after a refusal that names no time (GitHub docs, "Best practices": at least one minute, then exponentially).
const (
	firstPause   = time.Minute
	longestPause = time.Hour // the primary limit's whole window; also caps what a header may ask
)

// Reasons of a controller.BudgetError.
const (
	reasonPrimary   = "primary limit"
	reasonSecondary = "secondary limit"
)

// accounts holds GitHub's limits, which are counted per installation.
type accounts struct {
	clock seam.Clock

	mu   sync.Mutex
	byID map[int64]*account
}

func newAccounts(clock seam.Clock) *accounts {
	return &accounts{clock: clock, byID: map[int64]*account{}}
}

func (a *accounts) of(id int64) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	one, ok := a.byID[id]
	if !ok {
		one = &account{clock: a.clock, slots: make(chan struct{}, maxInFlight), resources: map[string]Limit{}}
		for l := range one.points {
			one.points[l] = newWindow(pointsPerMinute)
		}
		a.byID[id] = one
	}
	return one
}

// pause is a time before which no call is made, and why.
type pause struct {
	until  time.Time
	reason string
}

// account is one installation's standing with GitHub.
type account struct {
	clock  seam.Clock
	slots  chan struct{}
	points [lanes]*window

	mu        sync.Mutex
	all       pause // for every call
	minting   pause // for mints, when their own bucket is empty
	strikes   int   // refusals in a row that named no time
	resources map[string]Limit
	calls     [lanes]uint64
	answers   [lanes][statuses]uint64
}

// admit spends a call's points, or returns *controller.BudgetError without waiting.
func (a *account) admit(l lane, points int) error {
	now := a.clock.Now()
	a.mu.Lock()
	p := a.all
	if l == laneMint && a.minting.until.After(p.until) {
		p = a.minting
	}
	a.mu.Unlock()
	if now.Before(p.until) {
		return &controller.BudgetError{Until: p.until, Reason: p.reason}
	}
	if ok, until := a.points[l].take(now, points); !ok {
		return &controller.BudgetError{Until: until, Reason: reasonSecondary}
	}
	return nil
}

// enter waits for one of the account's places; the returned function gives it back.
func (a *account) enter(ctx context.Context) (func(), error) {
	select {
	case a.slots <- struct{}{}:
		return func() { <-a.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for one of %d concurrent calls to end: %w", maxInFlight, ctx.Err())
	}
}

// observe learns from an answer. When the answer is a refusal by a limit it returns the error to report.
func (a *account) observe(l lane, r answer) error {
	now := a.clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[l]++
	limit, known := limitOf(r.header, now)
	if known {
		a.resources[limit.Resource] = limit
	}
	if p, limited := a.refusal(r, limit, known, now); limited {
		a.hold(limit.Resource, p)
		return &controller.BudgetError{Until: p.until, Reason: p.reason}
	}
	if r.status < http.StatusInternalServerError {
		a.strikes = 0
	}
	if known && limit.Remaining == 0 && limit.Reset.After(now) {
		// The call itself went through; the next one would not.
		a.hold(limit.Resource, pause{until: capped(limit.Reset, now), reason: reasonPrimary})
	}
	return nil
}

// refusal decides whether an answer is a refusal by a limit, and until when it holds.
func (a *account) refusal(r answer, limit Limit, known bool, now time.Time) (pause, bool) {
	if r.status != http.StatusForbidden && r.status != http.StatusTooManyRequests {
		return pause{}, false
	}
	if wait, ok := retryAfter(r.header, now); ok {
		a.strikes = 0
		return pause{until: capped(now.Add(wait), now), reason: reasonSecondary}, true
	}
	if known && limit.Remaining == 0 {
		return pause{until: capped(limit.Reset, now), reason: reasonPrimary}, true
	}
	if r.status == http.StatusForbidden && !r.speaksOfLimit() {
		return pause{}, false
	}
	wait := min(firstPause<<min(a.strikes, 10), longestPause)
	a.strikes++
	return pause{until: now.Add(wait), reason: reasonSecondary}, true
}

// hold records a pause. Only the runner registrations' own bucket leaves the other calls alone.
func (a *account) hold(resource string, p pause) {
	target := &a.all
	if resource == "actions_runner_registration" && p.reason == reasonPrimary {
		target = &a.minting
	}
	if p.until.After(target.until) {
		*target = p
	}
}

// capped keeps a nonsensical header from stopping everything for years, or for no time at all.
func capped(until, now time.Time) time.Time {
	if latest := now.Add(longestPause); until.After(latest) {
		return latest
	}
	if soonest := now.Add(time.Second); until.Before(soonest) {
		return soonest
	}
	return until
}
