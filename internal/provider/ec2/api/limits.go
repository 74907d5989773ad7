package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Rate is a token bucket: so many calls at once, and so many a second from then on.
type Rate struct {
	Burst     float64
	PerSecond float64
}

// Rates bound the calls to one region. Each action has a bucket of its own, as it has at EC2.
type Rates struct {
	Reads  Rate // Describe and Get
	Writes Rate
}

// DefaultRates are half of what EC2 gives an account for DescribeHosts, and for its writing actions what this product needs of
// them (page "ec2-api-throttling" of the developer guide): others in the account have the rest.
func DefaultRates() Rates { return Rates{Reads: Rate{50, 10}, Writes: Rate{20, 2}} }

// How long an action rests after EC2 refused it for its rate; each refusal in a row doubles it (failure mode D16).
const (
	restFirst = time.Second
	restMost  = 30 * time.Second
)

// limits keep our calls to one region below EC2's limits.
type limits struct {
	clock  seam.Clock
	random seam.Random
	rates  Rates

	mu      sync.Mutex
	actions map[string]*bucket
}

type bucket struct {
	tokens   float64
	at       time.Time
	refusals int
	rests    time.Time
}

func newLimits(clock seam.Clock, random seam.Random, rates Rates) *limits {
	if rates == (Rates{}) {
		rates = DefaultRates()
	}
	return &limits{clock: clock, random: random, rates: rates, actions: map[string]*bucket{}}
}

// errNoRoom says that a call was not made, because it would have come too late.
var errNoRoom = errors.New("too many calls to make another one in time")

// wait takes a token for an action, and waits for it if there is none. Without an error the call may be made now.
func (l *limits) wait(ctx context.Context, action string) error {
	wait := l.reserve(action, l.clock.Now())
	if wait <= 0 {
		return nil
	}
	if err := l.clock.Sleep(ctx, wait); err != nil {
		l.giveBack(action)
		return fmt.Errorf("%w: %w", errNoRoom, err)
	}
	return nil
}

// reserve takes a token, also one that is yet to come, and says how long until then.
func (l *limits) reserve(action string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	rate := l.rate(action)
	b := l.bucket(action, now)
	b.tokens = min(rate.Burst, b.tokens+rate.PerSecond*now.Sub(b.at).Seconds())
	b.at = now
	b.tokens--
	wait := b.rests.Sub(now)
	if b.tokens < 0 {
		wait = max(wait, time.Duration(-b.tokens/rate.PerSecond*float64(time.Second)))
	}
	return wait
}

func (l *limits) giveBack(action string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.actions[action].tokens++
}

// refused notes that EC2 refused an action for its rate: it rests, and so does every call that comes meanwhile.
func (l *limits) refused(action string) {
	now := l.clock.Now()
	spread := float64(l.random.Uint64()%1000) / 1000
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(action, now)
	rest := min(restFirst<<min(b.refusals, 5), restMost)
	b.refusals++
	b.tokens = min(b.tokens, 0)
	b.rests = now.Add(rest/2 + time.Duration(spread*float64(rest)/2))
}

// accepted forgets refusals.
func (l *limits) accepted(action string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.actions[action]; ok {
		b.refusals = 0
	}
}

func (l *limits) rate(action string) Rate {
	if strings.HasPrefix(action, "Describe") || strings.HasPrefix(action, "Get") {
		return l.rates.Reads
	}
	return l.rates.Writes
}

func (l *limits) bucket(action string, now time.Time) *bucket {
	b, ok := l.actions[action]
	if !ok {
		b = &bucket{tokens: l.rate(action).Burst, at: now}
		l.actions[action] = b
	}
	return b
}
