package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// The pace of calls. Neither an unreachable server nor one that answers at once is called in a tight loop.
const (
	firstBackoff = time.Second
	lastBackoff  = 10 * time.Second // six tries before a lease of 60 s is three quarters over
	pollPace     = time.Second      // between polls that were answered at once and brought nothing new
)

// sayHello repeats the hello until it is answered, refused, or the machine's boot has taken too long.
func sayHello(ctx context.Context, o Options) (agentapi.Welcome, error) {
	ctx, cancel := o.Clock.WithTimeout(ctx, o.Limits.Hello)
	defer cancel()
	backoff := firstBackoff
	for {
		welcome, err := o.Server.Hello(ctx, o.Hello)
		if err == nil {
			o.Logger.InfoContext(ctx, "welcome", "machine", welcome.Machine, "lease", welcome.LeaseSeconds)
			return welcome, nil
		}
		if errors.Is(err, agentapi.ErrRefused) || errors.Is(err, agentapi.ErrInvalid) {
			return agentapi.Welcome{}, err
		}
		o.Logger.WarnContext(ctx, "hello", "error", err)
		if o.Clock.Sleep(ctx, jitter(backoff, o.Random.Uint64())) != nil {
			return agentapi.Welcome{}, fmt.Errorf("no hello was answered in %s: %w", o.Limits.Hello, err)
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// jitter returns between half of d and d, so that agents that lost the same server do not come back in step.
func jitter(d time.Duration, random uint64) time.Duration {
	half := uint64(d / 2)
	return d/2 + time.Duration(random%(half+1))
}

// answer is the end of one poll.
type answer struct {
	orders agentapi.Orders
	err    error
	begun  time.Time
}

// contact keeps exactly one poll in flight. Its methods belong to the agent's loop.
type contact struct {
	options  Options
	key      string
	answers  chan answer
	sequence int64
	inFlight bool
	cancel   context.CancelFunc
	fresh    bool // there is news that no poll has carried
	notYet   time.Time
	backoff  time.Duration
}

func newContact(o Options, key string) *contact {
	return &contact{options: o, key: key, answers: make(chan answer), fresh: true, cancel: func() {}}
}

// news gives the poll in flight up, so that the next one carries the new state.
func (c *contact) news() {
	c.fresh = true
	c.cancel()
}

// pollIfDue starts a poll unless one is in flight or it is too early.
func (c *contact) pollIfDue(ctx context.Context, s *state) {
	now := c.options.Clock.Now()
	if c.inFlight || s.stage == ended || s.refused {
		return
	}
	if now.Before(c.notYet) && (!c.fresh || c.backoff > 0) {
		return
	}
	c.sequence++
	r := s.report()
	r.Sequence = c.sequence
	c.inFlight, c.fresh = true, false
	ctx, c.cancel = context.WithCancel(ctx)
	go func() {
		orders, err := c.options.Server.Poll(ctx, c.key, r)
		c.answers <- answer{orders, err, now}
	}()
}

// settle notes the end of the poll in flight and when the next may begin.
func (c *contact) settle(a answer) {
	c.inFlight = false
	c.cancel()
	c.cancel = func() {}
	now := c.options.Clock.Now()
	switch {
	case a.err == nil:
		c.backoff, c.notYet = 0, a.begun.Add(pollPace)
	case errors.Is(a.err, context.Canceled):
		c.backoff, c.notYet = 0, now
	default:
		c.backoff = min(max(2*c.backoff, firstBackoff), lastBackoff)
		c.notYet = now.Add(jitter(c.backoff, c.options.Random.Uint64()))
	}
}

// close gives the poll in flight up and waits for its end.
func (c *contact) close() {
	c.cancel()
	if c.inFlight {
		<-c.answers
		c.inFlight = false
	}
}
