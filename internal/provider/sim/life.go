package sim

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// noticeTime is how long before its end a spot instance gets its notice (page "spot-instance-termination-notices").
const noticeTime = 2 * time.Minute

// powerOn starts a machine: pending, then running, and at some time its agent, if all goes well.
func (c *Cloud) powerOn(m *machine, at time.Time) {
	m.starts++
	n, d, f := m.starts, m.dice, c.faults
	m.pool.hold(m)
	c.enter(m, provider.Pending, "", at)
	running := c.slow(c.timing.Pending, d, "pending", n).of(d, "pending", n)
	m.due[dueRunning] = at.Add(running)
	if n == 1 && d.chance(f.DeadAtBirth, "dead at birth", n) {
		c.tally.DeadAtBirth++
		m.due[dueRunning], m.due[dueDeath] = time.Time{}, at.Add(running)
		c.timers.set(m)
		return
	}
	boot := c.timing.Boots[m.request.OS].Cold
	if n > 1 {
		boot = c.timing.Boots[m.request.OS].Stopped
	}
	if d.chance(f.SlowBoots, "slow boot", n) {
		c.tally.SlowBoots++
		boot = boot.times(slower)
	}
	m.dead = ""
	if d.chance(f.NeverBoot, "never boots", n) {
		c.tally.NeverBoot++
		m.dead = bootFailures(int(d.named("boot failure", n) % 1024))
	} else {
		m.due[dueBoot] = at.Add(max(running, boot.of(d, "boot", n)))
	}
	if m.pool.Market == fleet.Spot {
		m.risk, m.riskSince = d.exponential("risk", n), at
		c.foresee(m)
	}
	c.timers.set(m)
}

// slow stretches the time of a state that hangs.
func (c *Cloud) slow(s Distribution, d dice, what string, n int) Distribution {
	if d.chance(c.faults.SlowStates, "slow "+what, n) {
		return s.times(slower)
	}
	return s
}

// foresee computes when a spot instance's luck runs out at the present frequency of interruptions.
func (c *Cloud) foresee(m *machine) {
	m.clear(dueRisk)
	if f := c.faults.InterruptionsPerHour; f > 0 && m.risk > 0 {
		m.due[dueRisk] = m.riskSince.Add(time.Duration(m.risk / f * float64(time.Hour)))
	}
}

// step does what is due. The caller sets the machine's timer.
func (c *Cloud) step(m *machine, kind due, at time.Time) {
	m.clear(kind)
	switch kind {
	case dueRunning:
		c.enter(m, provider.Running, "", at)
	case dueDeath:
		c.end(m, reasonLaunchFailed, at)
	case dueBoot:
		m.boots++
		m.up = true
		c.booted = append(c.booted, m)
	case dueRisk:
		m.risk = 0
		c.strike(m, at)
	case dueNotice:
		c.warn(m, at)
	case dueReclaim:
		c.end(m, reasonSpotTermination, at)
	case dueStopped:
		m.pool.release(m)
		c.enter(m, provider.Stopped, m.history[len(m.history)-1].reason, at)
	case dueTerminated:
		c.enter(m, provider.Terminated, m.history[len(m.history)-1].reason, at)
		m.forgotten = at.Add(c.timing.Remembered.of(m.dice, "remembered", 0))
	default:
	}
}

// strike begins an interruption: by a hint, by the notice, or by the end itself.
func (c *Cloud) strike(m *machine, at time.Time) {
	d, f := m.dice, c.faults
	switch {
	case d.chance(f.Unannounced, "unannounced", 0):
		c.end(m, reasonSpotTermination, at)
	case d.chance(f.Hinted, "hinted", 0):
		m.rebalance = at
		c.event(m, Event{Kind: RebalanceRecommended, At: at})
		if !d.chance(f.FalseHints, "false hint", 0) {
			m.due[dueNotice] = at.Add(time.Duration(d.unit("hint lead", 0) * float64(hintLead)))
		}
	default:
		c.warn(m, at)
	}
}

// warn gives a spot instance its two minutes. A second notice changes nothing.
func (c *Cloud) warn(m *machine, at time.Time) {
	if !m.notice.IsZero() || !m.on() {
		return
	}
	m.clear(dueRisk, dueNotice)
	m.notice, m.reclaim = at, at.Add(noticeTime)
	m.due[dueReclaim] = m.reclaim
	c.event(m, Event{Kind: InterruptionNoticed, At: at, Ends: m.reclaim})
}

// halt begins a machine's way to stopped or terminated: its operating system goes down, and what was to come does not.
func (c *Cloud) halt(m *machine, to provider.State, reason string, at time.Time) {
	for k := range m.due {
		m.due[k] = time.Time{}
	}
	if m.told {
		c.halted = append(c.halted, m)
	}
	m.up, m.told = false, false
	c.enter(m, to, reason, at)
}

// end begins the end. Its place in the pool is free from now on.
func (c *Cloud) end(m *machine, reason string, at time.Time) {
	if s := m.state(); s == provider.ShuttingDown || s == provider.Terminated {
		return
	}
	c.halt(m, provider.ShuttingDown, reason, at)
	m.pool.release(m)
	m.due[dueTerminated] = at.Add(c.slow(c.timing.ShuttingDown, m.dice, "shutting down", 0).of(m.dice, "shutting down", 0))
}

// stop begins to stop a machine. It keeps its place in the pool until it has stopped.
func (c *Cloud) stop(m *machine, reason string, at time.Time) {
	c.halt(m, provider.Stopping, reason, at)
	m.due[dueStopped] = at.Add(c.slow(c.timing.Stopping, m.dice, "stopping", m.starts).of(m.dice, "stopping", m.starts))
}

// enter moves a machine to a state.
func (c *Cloud) enter(m *machine, s provider.State, reason string, at time.Time) {
	m.history = append(m.history, change{at, s, reason})
	if c.acted != nil {
		c.changes = append(c.changes, m.now())
	}
	c.event(m, Event{Kind: StateChanged, At: at, State: s})
}
