package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// What must happen within a bound while servers, the store and GitHub's API work: the rule's own time, and what a pass, a
// call, a wait for the shared listing's turn, and clocks that differ may add.
const (
	slack          = 25 * time.Second
	boundAttribute = 15*time.Second + 10*time.Second + slack // rule 1.4
	boundLease     = 60*time.Second + slack                  // rule 3.5, after the lease's end
	boundConnect   = 90*time.Second + 45*time.Second + slack // rule 4.5: stop, the agent's word, another registration
	boundWorker    = 60*time.Second + slack                  // rule 5.5
	boundMatch     = 60*time.Second + 10*time.Second + slack // rule 5.6
	boundEnded     = 60*time.Second + slack                  // rule 6.3
	boundElsewhere = 2*time.Minute + slack                   // rule 6.5: passes of 15 s and a listing's deadline
	boundSurplus   = 60*time.Second + 20*time.Second + slack // rules 1.10, 1.11
	boundRunOver   = 4 * time.Minute                         // rule 5.6: two scans
	boundRowless   = 12 * time.Minute                        // section 8
	youngStore     = 30 * time.Minute                        // section 8
	boundListens   = 45 * time.Second                        // rule 3.3: the stop itself, and half a minute of an old lease
	settles        = 6 * time.Minute                         // after the last fault
)

// steady says whether nothing keeps the controllers from doing their work in time.
func (c *checker) steady(others ...Fault) bool {
	if c.w.s.now.Sub(c.w.end) > settles {
		return true
	}
	others = append(others, GitHubDown, GitHubTimeout, GitHubLimit, StoreDown, StoreTimeout, StoreConflict, StoreSlow)
	for _, f := range append(others, ReplicaKilled, ReplicaPaused, ReplicaRolled) {
		if c.w.cfg.Rates[f] > 0 {
			return false
		}
	}
	return true
}

// provides says whether the cloud answers too.
func (c *checker) provides() bool {
	return c.steady(ProviderDown, ProviderTimeout, ProviderSilent, ListingLags, ListingGaps, TerminateKept)
}

// overdue remembers since when something is so that must not stay.
type overdue map[string]time.Time

// over says whether what is so now has been so for longer than a bound.
func (o overdue) over(key string, so bool, now time.Time, bound time.Duration) bool {
	since, known := o[key]
	switch {
	case !so:
		delete(o, key)
	case !known:
		o[key] = now
	default:
		return now.Sub(since) > bound
	}
	return false
}

// bounds asserts how long things may stay as they are.
func (c *checker) bounds() {
	c.rowlessSince()
	for _, m := range c.w.cloud.open {
		c.listening(m)
	}
	if !c.steady() {
		clear(c.overdue)
		return
	}
	for _, m := range c.w.cloud.open {
		c.machineBounds(m)
	}
	c.surplusStays()
	c.outnumbered()
	c.w.hub.jobs(func(run *world.Run, job *world.Job) {
		row := c.rows.jobs[c.jobKey(job.ID)]
		so := run.Status == world.Completed && row.State == fleet.JobQueued && row.Demand != ""
		if c.overdue.over("run over "+jobName(job.ID), so, c.w.s.now, boundRunOver) {
			c.violated("Rule 5.6", []string{jobName(job.ID)}, "job %d counts as queued, and its run is over for %s", job.ID, boundRunOver)
		}
	})
}

// surplusStays asserts rules 1.10 and 1.11: a shape's machines beyond its need do not stay the same for long. Which of them are
// beyond it may change, and then each has a minute of its own.
func (c *checker) surplusStays() {
	for _, k := range slices.Sorted(maps.Keys(c.need.past)) {
		supply, same := c.need.supply(k)
		n := min(len(supply), -c.need.deficit(k, c.w.s.now.Add(-clocksApart)))
		if n <= 0 || same != c.supplies[k] {
			delete(c.overdue, "surplus "+string(k))
		}
		c.supplies[k] = same
		if c.overdue.over("surplus "+string(k), n > 0, c.w.s.now, boundSurplus) {
			c.violated("Rule 1.10", append(supply, string(k)), "%d of the machines %v of shape %s are beyond its need for %s", n, supply, k, boundSurplus)
		}
	}
}

// outnumbered asserts rule 1.10 for demands: assigned and listening machines beyond the queued jobs do not stay the same for long.
// As with surplusStays, which of them are beyond the jobs may change, and then each has a minute of its own.
func (c *checker) outnumbered() {
	waiting, queued := map[fleet.DemandKey][]string{}, map[fleet.DemandKey]int{}
	for id, m := range c.need.machines {
		if d := held(m, c.w.s.now.Add(clocksApart)); d != "" && m.WorkerStarted.IsZero() {
			waiting[d] = append(waiting[d], id+" since "+m.Assigned.String())
		}
	}
	for _, jobs := range c.need.jobs {
		for _, j := range jobs {
			queued[j.Demand]++
		}
	}
	for d := range c.listeners {
		if len(waiting[d]) == 0 {
			delete(c.listeners, d)
			delete(c.overdue, "outnumbered "+string(d))
		}
	}
	for _, d := range slices.Sorted(maps.Keys(waiting)) {
		slices.Sort(waiting[d])
		same := strings.Join(waiting[d], ", ")
		if same != c.listeners[d] {
			delete(c.overdue, "outnumbered "+string(d))
		}
		c.listeners[d] = same
		over := len(waiting[d]) - queued[d]
		if c.overdue.over("outnumbered "+string(d), over > 0, c.w.s.now, boundSurplus) {
			c.violated("Rule 1.10", []string{string(d)}, "%d of the runners %s are beyond the queued jobs of their demand for %s", over, same, boundSurplus)
		}
	}
}

// late asserts that something is so of a machine for no longer than its bound. What stands after the rule's number tells
// one time from the next.
type late func(rule, what string, so bool, bound time.Duration)

func (c *checker) machineBounds(m *machine) {
	now, id := c.w.s.now, m.inst.ID
	row, known := c.rows.machines[c.rows.byID[id]]
	late := late(func(rule, what string, so bool, bound time.Duration) {
		if c.overdue.over(rule+" "+id, so, now, bound-lookEvery) {
			rule, _, _ = strings.Cut(rule, " ")
			c.violated("Rule "+rule, []string{id, jobName(row.Job)}, "%s %s for %s, its row is %s", id, what, bound, row.State)
		}
	})
	if !known {
		if c.provides() {
			late("8", "is rowless", m.live() && !c.rowless[id].IsZero() && c.storeIsOld(), boundRowless)
		}
		return
	}
	if c.provides() {
		late("8", "lives on though its row has ended", m.live() && !row.Live() && c.storeIsOld(), boundRowless)
		late("6.5", "has ended by itself", m.inst.State == provider.Terminated && row.Live(), boundElsewhere)
	}
	c.workBounds(row, late)
	c.waitBounds(row, late)
}

// workBounds are those of a machine that has a job, or had one.
func (c *checker) workBounds(row fleet.Machine, late late) {
	now := c.w.s.now
	working := row.State == fleet.MachineWorking
	expired := !now.Before(row.Lease) && row.State != fleet.MachineStarting && row.State != fleet.MachineRetiring && row.Live()
	late("3.5", "has lost its lease", expired, boundLease)
	late("1.4", "has an unattributed worker", row.Live() && !row.WorkerStarted.IsZero() && row.Job == 0 && !row.HoldEnded && row.Repository.ID != 0, boundAttribute)
	missing := working && row.WorkerStarted.IsZero() && now.Before(row.Lease)
	late(fmt.Sprintf("5.5 for %d since %d of", row.Job, row.JobNamed.UnixNano()), "is said to work and reports no worker", missing, boundWorker)
	late("6.3", "stays after its job", working && !row.JobEnded.IsZero() && (!row.WorkerRunning || expired), boundEnded)
}

// waitBounds are those of a machine that waits for one.
func (c *checker) waitBounds(row fleet.Machine, late late) {
	n := len(row.Runners)
	handedOut := row.State == fleet.MachineAssigned && n > 0 && !row.Runners[n-1].HandedOut.IsZero()
	late(fmt.Sprintf("4.5 for %d of", n), "is registered and not connected", handedOut, boundConnect)
	late("5.6", "listens while GitHub holds a job for it", row.State == fleet.MachineListening && c.wanting(row), boundMatch)
}

// wanting says whether a listener could have had a job all the time, as the rows say: one is queued since before it connected,
// and none of its demand started meanwhile.
func (c *checker) wanting(m fleet.Machine) bool {
	for _, j := range c.need.jobs[c.need.shapeOf(m)] {
		if j.Demand == m.Demand && j.Queued.Before(m.Connected.Add(clocksApart)) && !c.starts[m.Demand].After(m.Connected.Add(-clocksApart)) {
			return true
		}
	}
	return false
}

// listening asserts rule 3.3: no listener whose agent works goes on long after the machine's lease.
func (c *checker) listening(m *machine) {
	row, known := c.rows.machines[c.rows.byID[m.inst.ID]]
	listens := m.state == agentapi.ListenerStarting || m.state == agentapi.ListenerConnected
	if over := c.w.s.now.Sub(row.Lease); known && row.Live() && !row.Lease.IsZero() && m.speaks() && listens && !m.worker.running && over > boundListens {
		c.violated("Rule 3.3", []string{m.inst.ID}, "%s listens %s after its lease ended", m.inst.ID, over)
	}
}

// welcomed asserts rule 2.5 when an agent's hello is accepted.
func (c *checker) welcomed(m *machine) {
	row, known := c.rows.machines[c.rows.byID[m.inst.ID]]
	if !known || row.KeyHash == "" {
		c.violated("Rule 2.5", []string{m.inst.ID, m.inst.LaunchID}, "the hello of %s is accepted, and no row answers for it", m.inst.ID)
	}
}
