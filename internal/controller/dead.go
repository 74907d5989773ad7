package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// reasonFrom is the delivery of a message from which on its failures are noted: what fails once or twice is mostly a blip.
const reasonFrom = 3

// noteReason keeps why a message failed, for whoever finds it among the dead letters.
func (c *Controller) noteReason(ctx context.Context, m queue.Message, failure error) {
	if m.Receives < reasonFrom {
		return
	}
	if err := c.Records.Commit(ctx, c.Records.PutReason(m.ID, record.Reason{Text: failure.Error(), At: c.Clock.Now()})); err != nil {
		c.Logger.WarnContext(ctx, "the reason is in this log alone", "message", m.ID, "error", err)
	}
}

// DeadLetter is a message that failed too often, with what is known of it.
type DeadLetter struct {
	Message  string // its id in the queue
	Sent     time.Time
	Receives int
	Job      *fleet.Sighting // nil if the message cannot be read
	Reason   record.Reason   // zero if none was noted
}

// DeadLetters lists the oldest messages that failed too often.
func (c *Controller) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	messages, err := c.Queue.Dead(ctx, limit)
	if err != nil {
		return nil, err
	}
	out := make([]DeadLetter, 0, len(messages))
	for _, m := range messages {
		d := DeadLetter{Message: m.ID, Sent: m.Sent, Receives: m.Receives}
		if e, err := DecodeEvent(m.Body); err == nil {
			d.Job = e.Job
		}
		reason, err := c.Records.Reason(ctx, m.ID)
		if err != nil {
			return nil, fmt.Errorf("reading why message %s failed: %w", m.ID, err)
		}
		d.Reason = reason.V
		out = append(out, d)
	}
	return out, nil
}

// Redrive returns all dead letters to the queue, where they are tried anew, and says how many.
func (c *Controller) Redrive(ctx context.Context) (int, error) {
	n, err := c.Queue.Redrive(ctx)
	c.dead.forget()
	if n > 0 {
		c.Logger.InfoContext(ctx, "dead letters returned to the queue", "messages", n)
	}
	return n, err
}

// countEvery is how often dead letters are counted at most, for pages that ask every second: a count costs calls.
const countEvery = 30 * time.Second

// deadCount is what was counted last.
type deadCount struct {
	mu sync.Mutex
	at time.Time
	n  int
}

// forget has the next who asks count anew.
func (d *deadCount) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = time.Time{}
}

// DeadCount says how many messages failed too often, as of half a minute ago at most; 0 if the queue cannot count. A count
// that fails is made up for half a minute later.
func (c *Controller) DeadCount(ctx context.Context) int {
	q, ok := c.Queue.(interface {
		Depth(ctx context.Context) (queue.Depth, error)
	})
	if !ok {
		return 0
	}
	c.dead.mu.Lock()
	defer c.dead.mu.Unlock()
	now := c.Clock.Now()
	if !c.dead.at.IsZero() && now.Sub(c.dead.at) < countEvery {
		return c.dead.n
	}
	ctx, cancel := c.Clock.WithTimeout(ctx, countTimeout)
	defer cancel()
	d, err := q.Depth(ctx)
	if err != nil {
		c.Logger.WarnContext(ctx, "counting dead letters", "error", err)
	} else {
		c.dead.n = d.Dead
	}
	c.dead.at = now
	return c.dead.n
}

const countTimeout = 2 * time.Second
