package simulate

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// listedFor is how long an instance must have been in listings to be found by one.
const listedFor = 2 * time.Minute

// givesUp asserts rule 2.4 for a launch whose places fail without an answer: every instance of it that listings show has a row.
func (c *checker) givesUp(d *domain, was, l fleet.Launch) {
	if l.Failed == was.Failed || !c.w.cloud.unanswered(l.ID) {
		return
	}
	now := c.w.s.now
	for _, m := range c.w.cloud.machines {
		_, known := c.rows.byID[m.inst.ID]
		if m.inst.LaunchID == l.ID && !known && m.live() && m.listed(now) && now.Sub(later(m.listedAt, m.created)) > listedFor {
			c.violated("Rule 2.4", []string{l.ID, m.inst.ID}, "%s: launch %s is given up, and the cloud lists %s of it", d.name, l.ID, m.inst.ID)
		}
	}
}
