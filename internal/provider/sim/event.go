package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// EventKind is what an event tells.
type EventKind string

// The kinds, as EventBridge's detail-type spells them (pages "monitoring-instance-state-changes",
// "rebalance-recommendations" and "spot-instance-termination-notices").
const (
	StateChanged         EventKind = "EC2 Instance State-change Notification"
	RebalanceRecommended EventKind = "EC2 Instance Rebalance Recommendation"
	InterruptionNoticed  EventKind = "EC2 Spot Instance Interruption Warning"
)

// Event is what the cloud says of itself.
type Event struct {
	Kind     EventKind
	At       time.Time // when it happened
	Region   string
	Instance string
	Tags     map[string]string // of the instance; EventBridge's events have none, a receiver must look them up
	State    provider.State    // of StateChanged
	Ends     time.Time         // of InterruptionNoticed: when the instance ends
}

// delivery is an event on its way.
type delivery struct {
	event  Event
	at     time.Time
	number int
}

// event sends an event, if anybody reads them. Delivery is best effort, so it may be lost, late or repeated.
func (c *Cloud) event(m *machine, e Event) {
	if !c.keepEvents {
		return
	}
	e.Region, e.Instance, e.Tags = m.pool.Region, m.id, m.tags
	n, d := len(m.history), m.dice.named(string(e.Kind), len(m.history))
	if d.chance(c.faults.LostEvents, "lost", n) {
		return
	}
	at := e.At
	if d.chance(c.faults.LateEvents, "late", n) {
		at = at.Add(time.Duration(d.unit("delay", n) * float64(eventDelay)))
	}
	c.events = append(c.events, delivery{e, at, c.nextNumber()})
	if d.chance(c.faults.RepeatedEvents, "repeated", n) {
		again := at.Add(time.Duration(d.unit("repetition", n) * float64(eventDelay)))
		c.events = append(c.events, delivery{e, again, c.nextNumber()})
	}
}

// nextNumber keeps events of one instant in the order in which they happened.
func (c *Cloud) nextNumber() int {
	if len(c.events) == 0 {
		return 0
	}
	return c.events[len(c.events)-1].number + 1
}

// nextEvent is when the next event arrives, zero if none is on its way. One that waits to be read has arrived.
func (c *Cloud) nextEvent() time.Time {
	var next time.Time
	for _, d := range c.events {
		if d.at.After(c.now) && (next.IsZero() || d.at.Before(next)) {
			next = d.at
		}
	}
	return next
}

// Events returns the events that have arrived since it was asked last, in the order of their arrival.
func (c *Cloud) Events(now time.Time) []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	var arrived, left []delivery
	for _, d := range c.events {
		if d.at.After(c.now) {
			left = append(left, d)
		} else {
			arrived = append(arrived, d)
		}
	}
	c.events = left
	slices.SortStableFunc(arrived, func(a, b delivery) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.number, b.number)) })
	events := make([]Event, len(arrived))
	for i, d := range arrived {
		events[i] = d.event
	}
	return events
}
