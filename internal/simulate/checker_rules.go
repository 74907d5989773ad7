package simulate

import (
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// The rules of docs/protocol.md that a committed row keeps or breaks by itself. Each is asserted from what really is: GitHub's
// state, the machines' processes, and what the checker remembers of earlier rows. The bounds are written anew.
const (
	ruleNames     = 5                // rule 4.4
	ruleHandOuts  = 2                // rule 4.4
	ruleRefused   = 30 * time.Second // rule 4.6
	ruleMatch     = 60 * time.Second // rules 5.6, 5.7
	ruleLate      = 10 * time.Second // rule 1.5
	ruleBelieve   = time.Minute      // what GitHub was asked may be written so much later
	ruleAnswer    = 10 * time.Second // where nothing is in the way
	unmatchedMost = 2                // rule 5.7
	namesOnce     = 24               // former names that a row keeps
	ruleMintTakes = time.Minute
)

// rules remembers what the rules need of the past.
type rules struct {
	c       *checker
	closed  map[int64][]string // runners of a job's former epochs
	refused map[fleet.DemandKey]time.Time
	vain    map[fleet.DemandKey][]time.Time // when runners of a demand listened in vain, since one of its jobs last began
	posted  map[string]bool                 // names that GitHub was asked for
	answer  map[string]time.Time            // machines, since their DELETEs are answered
	asked   map[int64]time.Time             // jobs, when GitHub last told of them
	after   []func()                        // to be asserted when the whole transaction is known
}

func newRules(c *checker) *rules {
	return &rules{
		c: c, closed: map[int64][]string{}, refused: map[fleet.DemandKey]time.Time{}, answer: map[string]time.Time{},
		posted: map[string]bool{},
		vain:   map[fleet.DemandKey][]time.Time{},
		asked:  map[int64]time.Time{},
	}
}

func (r *rules) broken(rule string, about []string, format string, args ...any) {
	r.c.violated("Rule "+rule, about, format, args...)
}

// committed asserts what concerns several rows of one transaction.
func (r *rules) committed() {
	for _, f := range r.after {
		f()
	}
	r.after = nil
}

// awake is how long it was since then, without the pauses of a replica.
func (r *rules) awake(d *domain, since time.Time) time.Duration {
	if d.pausedFrom.IsZero() || d.pausedTo.Before(since) {
		return r.c.w.s.now.Sub(since)
	}
	return r.c.w.s.now.Sub(later(since, d.pausedTo))
}

// job asserts rules 1.5, 1.11, 5.3, 5.4 and 5.7 for a job's new row.
func (r *rules) job(d *domain, was, j fleet.Job, known bool) {
	about := []string{jobName(j.ID.ID)}
	truth := r.c.w.hub.gh.Job(j.ID.ID)
	if truth == nil {
		return
	}
	if !known {
		r.phantom(d, j, truth)
	}
	if j.Epoch > was.Epoch && known {
		r.closed[j.ID.ID] = append(r.closed[j.ID.ID], append(slices.Clone(was.Attributed), was.Runner)...)
		r.reopened(was)
	}
	if j.State == fleet.JobInProgress && was.State != j.State && slices.Contains(r.closed[j.ID.ID], j.Runner) &&
		len(r.closed[j.ID.ID]) < namesOnce && truth.RunnerName != j.Runner && r.awake(d, r.c.w.hub.changed[j.ID.ID]) > ruleBelieve {
		r.broken("5.4", about, "%s: job %d is in progress on %s, which an earlier epoch closed; GitHub has it on %q since %s",
			d.name, j.ID.ID, j.Runner, truth.RunnerName, r.c.w.s.now.Sub(r.c.w.hub.changed[j.ID.ID]))
	}
	if j.BackoffUntil.After(was.BackoffUntil) && r.c.w.s.now.Add(d.skew).Add(clocksApart).Sub(j.Queued) < ruleMatch {
		r.broken("5.7", about, "%s: job %d backs off as unmatched %s after it was queued", d.name, j.ID.ID, r.c.w.s.now.Add(d.skew).Sub(j.Queued))
	}
	for _, name := range j.Attributed {
		if slices.Contains(was.Attributed, name) {
			continue
		}
		r.after = append(r.after, func() {
			id := r.c.rows.names[name]
			if m := r.c.rows.machines[r.c.rows.byID[id]]; id != "" && m.Job == 0 {
				r.broken("1.11", append(about, id), "%s: job %d is attributed to %s in a state in which the machine is not", d.name, j.ID.ID, name)
			}
		})
	}
}

// phantom asserts rule 1.5: a job that we hear of late, as queued, is not believed to be.
func (r *rules) phantom(d *domain, j fleet.Job, truth *world.Job) {
	over := truth.Status == world.InProgress || truth.Status == world.Completed
	believe := ruleBelieve
	if r.c.steady() {
		believe = ruleAnswer
	}
	since := r.c.w.hub.changed[j.ID.ID]
	if j.State == fleet.JobQueued && over && r.c.w.s.now.Sub(truth.CreatedAt) > ruleLate+believe && r.awake(d, since) > believe {
		r.broken("1.5", []string{jobName(j.ID.ID)}, "%s: job %d counts as queued, and is %s at GitHub since %s", d.name, j.ID.ID, truth.Status, r.c.w.s.now.Sub(since))
	}
}

// reopened asserts rule 5.3: no epoch is opened while a runner of the job may still be at it.
func (r *rules) reopened(was fleet.Job) {
	for _, name := range append(slices.Clone(was.Attributed), was.Runner) {
		id := r.c.rows.names[name]
		m, known := r.c.rows.machines[r.c.rows.byID[id]]
		if id != "" && known && m.Live() && (m.Job == 0 || m.Job == was.ID.ID) {
			r.broken("5.3", []string{jobName(was.ID.ID), id}, "an epoch of job %d is opened while its machine %s is %s", was.ID.ID, id, m.State)
		}
	}
}

// machine asserts rules 1.11, 4.4, 4.6, 6.1, 6.2 and 6.3 for a machine's new row.
func (r *rules) machine(d *domain, was, m fleet.Machine) {
	about := []string{m.ID.ID}
	if m.Job != was.Job && m.Job != 0 {
		r.after = append(r.after, func() { r.attributed(d, m) })
	}
	r.registrations(d, was, m)
	if truth := r.c.w.hub.gh.Job(m.Job); m.JobEnded.After(was.JobEnded) && (truth == nil || truth.RunnerName != m.Runners[len(m.Runners)-1].Name) {
		r.broken("6.3", about, "%s: %s is to end for a job that its newest registration did not have", d.name, m.ID.ID)
	}
	r.moved(d, was, m)
	if m.Retire != nil && !m.Retire.Answered.IsZero() && (was.Retire == nil || was.Retire.Answered.IsZero()) {
		r.answer[m.ID.ID] = r.c.w.s.now
	}
	r.cleared(d, was, m)
}

// moved asserts rules 4.6, 5.7 and 6.1 for a machine's change of state.
func (r *rules) moved(d *domain, was, m fleet.Machine) {
	about := []string{m.ID.ID}
	switch {
	case m.State == fleet.MachineReady && was.State == fleet.MachineAssigned:
		r.refused[was.Demand] = r.c.w.s.now
	case m.State == fleet.MachineAssigned && was.State == fleet.MachineReady:
		if at := r.refused[m.Demand]; !at.IsZero() && r.c.w.s.now.Sub(at) < ruleRefused-clocksApart {
			r.broken("4.6", about, "%s: %s is assigned to demand %s, whose registration GitHub refused %s ago", d.name, m.ID.ID, m.Demand, r.c.w.s.now.Sub(at))
		}
		r.servedAgain(d, m)
	case m.State == fleet.MachineRetiring && was.State == fleet.MachineListening && strings.Contains(m.Retire.Reason, "listened for a minute"):
		r.vain[m.Demand] = append(r.vain[m.Demand], r.c.w.s.now)
	case m.State == fleet.MachineRetiring && was.State == fleet.MachineRetiring && m.Sequence > was.Sequence && m.WorkerRunning &&
		m.Retire != nil && !m.Retire.Goodbye && !m.Retire.Cleared:
		r.broken("6.1", about, "%s: %s is still to end although its agent reports a worker", d.name, m.ID.ID)
	}
}

// servedAgain asserts rule 5.7: after two runners that listened in vain, the jobs that were queued then back off before another
// runner is spent on them.
func (r *rules) servedAgain(d *domain, m fleet.Machine) {
	vain := r.vain[m.Demand]
	if len(vain) < unmatchedMost || !r.c.steady() || r.c.w.s.now.Sub(vain[unmatchedMost-1]) < slack {
		return
	}
	second := vain[unmatchedMost-1]
	for _, jobs := range r.c.need.jobs {
		for _, j := range jobs {
			if j.Demand == m.Demand && (!j.BackoffUntil.IsZero() || j.Queued.After(second.Add(-ruleMatch-clocksApart))) {
				return
			}
		}
	}
	r.broken("5.7", []string{m.ID.ID}, "%s: %s is assigned to demand %s, whose jobs two runners listened for in vain", d.name, m.ID.ID, m.Demand)
}

// minting asserts rule 4.2: a name is in its machine's row before GitHub is asked for it, and it is asked for once.
func (r *rules) minting(d *domain, name string) {
	id := r.c.rows.names[name]
	switch {
	case id == "":
		r.broken("4.2", nil, "%s: GitHub is asked for %s before a row has the name", d.name, name)
	case r.posted[name]:
		r.broken("4.2", []string{id}, "%s: GitHub is asked for %s again", d.name, name)
	}
	r.posted[name] = true
}

// attributed asserts that a machine and its job agree, and that GitHub said so (rules 1.11, 5.1).
func (r *rules) attributed(d *domain, m fleet.Machine) {
	about := []string{m.ID.ID, jobName(m.Job)}
	agree, said := false, false
	j := r.c.rows.jobs[r.c.jobKey(m.Job)]
	for _, runner := range m.Runners {
		agree = agree || j.Runner == runner.Name || slices.Contains(j.Attributed, runner.Name) || slices.Contains(j.Closed, runner.Name)
		said = said || r.c.w.hub.gave[m.Job][runner.Name]
	}
	switch {
	case !agree:
		r.broken("1.11", about, "%s: %s has job %d in a state in which the job is not attributed to it", d.name, m.ID.ID, m.Job)
	case !said:
		r.broken("5.1", about, "%s: %s is said to run job %d, which GitHub never gave to a runner of it", d.name, m.ID.ID, m.Job)
	}
}

// registrations asserts rules 4.4 and 6.1 for the names of a machine.
func (r *rules) registrations(d *domain, was, m fleet.Machine) {
	about := []string{m.ID.ID}
	handed := 0
	for i, runner := range m.Runners {
		if runner.HandedOut.IsZero() {
			continue
		}
		handed++
		fresh := i >= len(was.Runners) || was.Runners[i].HandedOut.IsZero()
		switch {
		case fresh && m.State != fleet.MachineAssigned:
			r.broken("4.4", about, "%s: %s is handed a registration while it is %s", d.name, m.ID.ID, m.State)
		case fresh && handed > 1 && !was.Word:
			r.broken("4.4", about, "%s: %s is handed another registration without its agent's word", d.name, m.ID.ID)
		}
	}
	if len(m.Runners) > ruleNames || handed > ruleHandOuts {
		r.broken("4.4", about, "%s: %s has %d names, %d of them handed out", d.name, m.ID.ID, len(m.Runners), handed)
	}
	for i, runner := range m.Runners {
		if runner.Deleted.IsZero() || i < len(was.Runners) && !was.Runners[i].Deleted.IsZero() {
			continue
		}
		at, exists := r.c.w.hub.registeredAt(runner.Name)
		if exists && r.awake(d, at) > ruleMintTakes {
			r.broken("6.1", about, "%s: the registration %s counts as deleted, and GitHub has it", d.name, runner.Name)
		}
	}
}
