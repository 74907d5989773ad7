package sim

import (
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Booted returns the instances whose operating system has come up since it was asked last, in that order: the simulation
// starts an agent in each. Those that have lost power since are left out.
func (c *Cloud) Booted(now time.Time) []Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	var up []Instance
	for _, m := range c.booted {
		if m.up && !m.told {
			m.told = true
			up = append(up, m.now())
		}
	}
	c.booted = nil
	return up
}

// Halted returns the instances that Booted told and that have lost power since it was asked last, in that order: whatever
// ran on them is dead. It is to be asked before Booted, because an instance may have been started again.
func (c *Cloud) Halted(now time.Time) []Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	down := make([]Instance, len(c.halted))
	for i, m := range c.halted {
		down[i] = m.now()
	}
	c.halted = nil
	return down
}

// PowerOff is a shutdown from within: by the agent, the dead-man timer, or a job with root. The instance stops or
// terminates as its launch asked; a one-time spot instance always terminates. Without power nothing happens.
func (c *Cloud) PowerOff(id string) error {
	return c.happens(id, func(m *machine) {
		if m.request.OnShutdown == StopOnShutdown && m.pool.Market == fleet.OnDemand {
			c.stop(m, reasonGuestShutdown, c.now)
			return
		}
		c.end(m, reasonGuestShutdown, c.now)
	})
}

// Interrupt reclaims a spot instance: it gets its notice now, and two minutes.
func (c *Cloud) Interrupt(id string) error {
	return c.happens(id, func(m *machine) {
		if m.Spot() {
			c.warn(m, c.now)
		}
	})
}

// Reclaim ends a spot instance at once: notices are given on a best-effort basis (page "spot-instance-termination-notices").
func (c *Cloud) Reclaim(id string) error {
	return c.happens(id, func(m *machine) {
		if m.Spot() {
			c.end(m, reasonSpotTermination, c.now)
		}
	})
}

// Recommend gives a spot instance a rebalance recommendation that nothing follows.
func (c *Cloud) Recommend(id string) error {
	return c.happens(id, func(m *machine) {
		if m.Spot() && m.rebalance.IsZero() {
			m.rebalance = c.now
			c.event(m, Event{Kind: RebalanceRecommended, At: c.now})
		}
	})
}

// happens does something to a machine with power that no API call did.
func (c *Cloud) happens(id string, do func(*machine)) error {
	now := c.clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	m, ok := c.machines[id]
	if !ok {
		return fmt.Errorf("there is no instance %q", id)
	}
	if m.on() {
		do(m)
		c.timers.set(m)
	}
	return nil
}

// Instance returns an instance as it is, without an API call: what the machine's own metadata knows of it.
func (c *Cloud) Instance(id string, now time.Time) (Instance, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	m, ok := c.machines[id]
	if !ok {
		return Instance{}, false
	}
	return m.now(), true
}

// Living is every instance of the cloud that is not on its way to its end, in the order of their launch: what a check of
// invariants compares with what the control plane believes.
func (c *Cloud) Living(now time.Time) []Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	var living []Instance
	for _, name := range c.regionNames() {
		for _, m := range c.regions[name].machines {
			if m.state().Live() {
				living = append(living, m.now())
			}
		}
	}
	return living
}

// Made is how many instances were ever created.
func (c *Cloud) Made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made
}
