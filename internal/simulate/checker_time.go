package simulate

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// The bounds that are asserted (docs/protocol.md, section 9). What happens while faults do is bounded only after their end.
const (
	lookEvery     = 10 * time.Second
	leakBound     = 20 * time.Minute // a leaked instance is gone
	backoffsEnd   = 20 * time.Minute // after the last fault no back-off of a launch (5 min) or of a mint (15 min) is left
	servedBound   = 10 * time.Minute // from then on, until a queued job runs: sweep, launch, boot, registration
	probesAfter   = 21 * time.Minute // after the last fault, when fresh jobs are queued at the latest
	probesSoon    = 7 * time.Minute  // or at the earliest: back-offs of launches are over, and those of mints concern old jobs
	probeLaunched = 10*time.Second + time.Second
	probeServed   = 3 * time.Minute
	quietWithin   = 3 * time.Hour // after the last fault: the longest back-off (60 min) and the longest jobs
)

// look asserts what must hold at any time, and returns whether everything has come to rest.
func (c *checker) look() bool {
	c.bounds()
	c.leaks()
	c.lost()
	c.w.cloud.open = slices.DeleteFunc(c.w.cloud.open, c.closed)
	return c.quiet()
}

// closed says whether nothing can become of a machine any more: it has ended, and so has its row.
func (c *checker) closed(m *machine) bool {
	row, known := c.rows.machines[c.rows.byID[m.inst.ID]]
	return m.inst.State == provider.Terminated && known && !row.Live()
}

// leaks asserts NoLeak: an instance without a live lease or an open launch is gone within its bound.
func (c *checker) leaks() {
	now := c.w.s.now
	for _, m := range c.w.cloud.open {
		if !m.live() || c.owned(m) {
			delete(c.unowned, m.inst.ID)
			continue
		}
		since, known := c.unowned[m.inst.ID]
		if !known {
			c.unowned[m.inst.ID] = now
			continue
		}
		if since.Before(c.w.end) {
			since = c.w.end
		}
		if now.Sub(since) > leakBound {
			c.violated("NoLeak", []string{m.inst.ID, m.inst.LaunchID}, "nothing answers for %s since %s", m.inst.ID, now.Sub(since))
		}
	}
}

// owned says whether something answers for an instance: a row with a live lease, a boot that may still succeed, a launch
// that is open, or a job that really runs on it.
func (c *checker) owned(m *machine) bool {
	now := c.w.s.now
	if c.busy(m) != nil {
		return true
	}
	row, known := c.rows.machines[c.rows.byID[m.inst.ID]]
	if !known {
		l, known := c.rows.launch(m.inst.LaunchID)
		return known && !l.Settled()
	}
	switch {
	case !row.Live():
		return false
	case row.State == fleet.MachineStarting:
		return now.Before(row.BootUntil())
	default:
		return now.Before(row.Lease) && row.State != fleet.MachineRetiring
	}
}

// lost asserts NoLostJob: once the last fault and its back-offs are over, a job that GitHub holds queued soon runs.
func (c *checker) lost() {
	now := c.w.s.now
	calm := c.w.end.Add(backoffsEnd)
	if now.Before(calm) {
		return
	}
	c.w.hub.jobs(func(run *world.Run, job *world.Job) {
		if job.Status != world.Queued || run.Status == world.Completed {
			return
		}
		since := later(job.QueuedAt, calm)
		if now.Sub(since) <= servedBound {
			return
		}
		row, known := c.rows.job(job.ID)
		if known && now.Sub(row.BackoffUntil) <= servedBound {
			return
		}
		state := "no row"
		if known {
			state = string(row.State) + " in its row"
		}
		c.violated("NoLostJob", []string{jobName(job.ID)}, "GitHub holds job %d queued since %s, %s after the last fault; it is %s",
			job.ID, now.Sub(job.QueuedAt), now.Sub(c.w.end), state)
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// quiet says whether everything has come to rest: no job open, no machine, no registration of ours, nothing that counts.
func (c *checker) quiet() bool {
	if c.w.cloud.alive() > 0 || len(c.w.hub.registered()) > 0 {
		return false
	}
	open := false
	c.w.hub.jobs(func(run *world.Run, job *world.Job) {
		open = open || job.Status != world.Completed && run.Status != world.Completed
	})
	if open {
		return false
	}
	for _, m := range c.rows.machines {
		if m.Live() {
			return false
		}
	}
	return true
}

// settled says whether every launch is: one without an answer counts as on its way for a while.
func (c *checker) settled() bool {
	for _, l := range c.rows.launches {
		if !l.Settled() {
			return false
		}
	}
	return true
}

// restless says what has not come to rest.
func (c *checker) restless() (text string, about []string) {
	var parts []string
	for _, m := range c.w.cloud.machines {
		if m.live() {
			parts, about = append(parts, m.inst.ID), append(about, m.inst.ID)
		}
	}
	for _, name := range c.w.hub.registered() {
		parts, about = append(parts, name), append(about, name)
	}
	c.w.hub.jobs(func(run *world.Run, job *world.Job) {
		if job.Status != world.Completed && run.Status != world.Completed {
			parts, about = append(parts, jobName(job.ID)), append(about, jobName(job.ID))
		}
	})
	var live []string
	for _, m := range c.rows.machines {
		if m.Live() {
			live = append(live, m.ID.ID)
		}
	}
	slices.Sort(live)
	for _, id := range live {
		parts, about = append(parts, "row of "+id), append(about, id)
	}
	return strings.Join(parts, ", "), about
}

// rested asserts what must hold at the end.
func (c *checker) rested() {
	ctx := context.Background()
	if live, err := c.w.records.Live(ctx, fleet.DefaultEnvironment); err == nil && live.V.Count != 0 {
		c.violated("LiveCount", nil, "nothing lives, and the environment's count of machines is %d", live.V.Count)
	}
	c.surplus.judge()
}
