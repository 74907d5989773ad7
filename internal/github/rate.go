package github

import (
	"cmp"
	"context"
	"slices"
	"time"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// RateLimit asks GitHub for the primary limits of the account that serves a repository. The call itself is free.
func (c *Client) RateLimit(ctx context.Context, repository fleet.Repository) ([]Limit, error) {
	k := read("asking for the rate limits", repository, grantRead, laneOthers)
	var found *gh.RateLimits
	got, err := c.get(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		found, resp, err = c.api.RateLimit.Get(ctx)
		return resp, err
	})
	if err != nil {
		return nil, err
	}
	var limits []Limit
	for name, rate := range map[string]*gh.Rate{"core": found.Core, "actions_runner_registration": found.ActionsRunnerRegistration} {
		if rate != nil {
			limits = append(limits, Limit{
				Resource: name, Limit: rate.Limit, Remaining: rate.Remaining, Reset: onOurClock(rate.Reset.UTC(), got.header, c.clock.Now()),
			})
		}
	}
	slices.SortFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Resource, b.Resource) })
	return limits, nil
}

// Usage is what one account has used and what it was told, for metrics and for doctor.
type Usage struct {
	Installation int64             // 0 for a personal token, -1 for the App as itself
	Calls        map[string]uint64 // answered calls since the start, by class: mint, runners, jobs, runs, reports, others
	// Answers are all calls since the start, by class of endpoint and of answer; Classes and Statuses list both.
	Answers     map[string]map[string]uint64
	Limits      []Limit   // as of the last answers
	PausedUntil time.Time // no call is made before; zero or past when none is held back
	Reason      string    // of the pause
}

// Usage returns the accounts used so far, in order of their installations.
func (c *Client) Usage() []Usage {
	c.accounts.mu.Lock()
	defer c.accounts.mu.Unlock()
	all := make([]Usage, 0, len(c.accounts.byID))
	for id, a := range c.accounts.byID {
		all = append(all, a.usage(id))
	}
	slices.SortFunc(all, func(a, b Usage) int { return cmp.Compare(a.Installation, b.Installation) })
	return all
}

func (a *account) usage(id int64) Usage {
	a.mu.Lock()
	defer a.mu.Unlock()
	u := Usage{Installation: id, Calls: map[string]uint64{}, Answers: a.answered(), PausedUntil: a.all.until, Reason: a.all.reason}
	for l := range lanes {
		u.Calls[l.String()] = a.calls[l]
	}
	for _, limit := range a.resources {
		u.Limits = append(u.Limits, limit)
	}
	slices.SortFunc(u.Limits, func(a, b Limit) int { return cmp.Compare(a.Resource, b.Resource) })
	return u
}
