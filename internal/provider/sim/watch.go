package sim

import "time"

// Changes returns the instances whose state has changed since it was asked last, each as it was then, in that order. They
// are kept if Options.Acted is set.
func (c *Cloud) Changes(now time.Time) []Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	changes := c.changes
	c.changes = nil
	return changes
}

// Outlook is what nobody can know of a new instance but a simulation's checks.
type Outlook struct {
	Known time.Time // when calls begin to know it
	Boots time.Time // when its agent starts, if nothing comes in between; zero if it never does
}

// Outlook returns what lies ahead of an instance that has not booted yet; the zero Outlook if there is none of that id.
func (c *Cloud) Outlook(id string) Outlook {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.machines[id]
	if !ok {
		return Outlook{}
	}
	return Outlook{Known: m.visible, Boots: m.due[dueBoot]}
}

// Tally counts how often faults have struck, by the names that they have in Faults.
type Tally struct {
	Refusals      int
	LostRequests  int
	LostAnswers   int
	EmptyPools    int
	FailedPlaces  int
	StaleListings int
	Hidden        int
	DeadAtBirth   int
	NeverBoot     int
	SlowBoots     int
}

// Tally returns the counts since the cloud was made.
func (c *Cloud) Tally() Tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tally
}
