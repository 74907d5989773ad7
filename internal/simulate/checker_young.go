package simulate

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// silentStore is the gap in the heartbeat after which the store is young again (section 8).
const silentStore = 10 * time.Minute

// heartbeats follow the heartbeat: since when the store is known, and until when it is young for that reason.
type heartbeats struct {
	last  time.Time
	young time.Time
}

// wroteHeartbeat asserts that the store calls itself young after a gap, and for thirty minutes, and not otherwise.
func (c *checker) wroteHeartbeat(d *domain, row store.Row) {
	h, ok := told[record.Heartbeat](c, row)
	if !ok {
		return
	}
	b := &c.heartbeats
	if b.last.IsZero() || h.At.Sub(b.last) > silentStore {
		b.young = h.At.Add(youngStore)
	}
	if h.Young.After(b.young.Add(clocksApart)) {
		c.violated("Rule 8", nil, "%s: the store is young until %s, without a gap in its heartbeat", d.name, h.Young.Sub(c.w.start))
	}
	b.last = h.At
}

// storeIsOld says whether the silence of the rows means something, by every clock.
func (c *checker) storeIsOld() bool {
	now := c.w.s.now
	return !c.heartbeats.last.IsZero() && now.Sub(c.heartbeats.young) > clocksApart && now.Sub(c.w.start) > youngStore
}
