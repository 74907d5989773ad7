package fleet

import "time"

// Launch is one call to a provider. The row exists before the call; its id is the idempotency token (rule 2.2).
type Launch struct {
	ID      string   `json:"id"`
	Shape   ShapeKey `json:"shape"`
	Site    Site     `json:"site"`
	Market  Market   `json:"market,omitempty"`
	Request []byte   `json:"request"` // frozen: every repeat sends these bytes
	Count   int      `json:"count"`

	Attached int `json:"attached"`
	Failed   int `json:"failed"`

	Created  time.Time `json:"created"`
	Calls    int       `json:"calls,omitempty"`
	NextCall time.Time `json:"next_call"`
	Answered time.Time `json:"answered,omitzero"`
	Codes    []string  `json:"codes,omitempty"` // why places failed
	// Place is what its machines are kept for, if they are for a pool.
	Place *PoolPlace `json:"place,omitempty"`
}

// The bounds of a launch (rules 1.6, 1.12, 2.2).
const (
	MaxLaunchCount     = 90
	LaunchCounts       = 60 * time.Second // unanswered for longer, it no longer counts
	LaunchGivenUp      = 10 * time.Minute // unanswered for longer, it is settled by a listing
	launchRepeatFirst  = 5 * time.Second
	launchRepeatLatest = time.Minute
)

// Outstanding is how many places have neither a machine nor an error yet.
func (l Launch) Outstanding() int { return l.Count - l.Attached - l.Failed }

// Settled says that nothing more can attach.
func (l Launch) Settled() bool { return l.Outstanding() == 0 }

// Called notes that a call begins now and when it is to be repeated if no answer comes: after 5 s, then with back-off.
func (l Launch) Called(now time.Time) Launch {
	l.NextCall = now.Add(min(launchRepeatFirst<<min(l.Calls, 8), launchRepeatLatest))
	l.Calls++
	return l
}

// Unanswered says whether the launch has waited too long for its answer to count in the deficit (rule 1.6).
func (l Launch) Unanswered(now time.Time) bool {
	return l.Answered.IsZero() && now.Sub(l.Created) >= LaunchCounts
}

// PlaceBackoff is how long a (site, market, code) of a shape rests after its n-th failure in a row, n from 0: 15 s
// doubling to 5 minutes (rule 2.6).
func PlaceBackoff(n int) time.Duration {
	return min(15*time.Second<<min(n, 5), 5*time.Minute)
}
