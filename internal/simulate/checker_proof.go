package simulate

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// The waits of section 6, written anew.
const (
	proofGets    = 120 * time.Second // rule 6.2, after the answer
	proofEnded   = 60 * time.Second  // rule 6.3
	proofRowless = 5 * time.Minute   // section 8

	proofReported = 60 * time.Second // an agent's lease
)

// cleared asserts the proof on which a machine may end without its agent's word: rule 6.2's GETs of every job that its runner
// could match, or rule 6.3's end of its job.
func (r *rules) cleared(d *domain, was, m fleet.Machine) {
	if m.Retire == nil || !m.Retire.Cleared || was.Retire != nil && was.Retire.Cleared {
		return
	}
	about := []string{m.ID.ID}
	now := r.c.w.s.now
	switch {
	case m.Code != "" || m.HandOuts() == 0:
	case was.Retire != nil && !was.Retire.Answered.IsZero():
		r.silent(d, was)
	case !was.JobEnded.IsZero() && !was.WorkerRunning && now.Add(d.skew+clocksApart).Sub(was.JobEnded) >= proofEnded:
	case m.MaxRuntime > 0 && now.Add(d.skew+clocksApart).Sub(earliest(was.WorkerStarted, was.JobNamed)) >= m.MaxRuntime:
	default:
		r.broken("6.3", about, "%s: nothing proves that %s may end: %s", d.name, m.ID.ID, m.Retire.Reason)
	}
	for _, on := range r.c.w.cloud.open {
		if on.inst.ID == m.ID.ID && m.Code == "" && !overtime(on, now) && on.reports(now) {
			r.broken("6.3", about, "%s: %s may end, and its agent reports a worker: %s", d.name, m.ID.ID, m.Retire.Reason)
		}
	}
}

// reports says whether the agent tells of a worker: a poll which said so was answered less than a lease ago.
func (m *machine) reports(now time.Time) bool {
	return m.worker.running && m.speaks() && m.agent.told && !now.Before(m.agent.cut) && now.Sub(m.agent.renewed) < proofReported
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// silent asserts rule 6.2 for a machine whose agent does not answer.
func (r *rules) silent(d *domain, m fleet.Machine) {
	answered := r.answer[m.ID.ID]
	now := r.c.w.s.now
	if now.Sub(answered) < proofGets-clocksApart {
		r.broken("6.2", []string{m.ID.ID}, "%s: %s is cleared %s after its registrations were deleted", d.name, m.ID.ID, now.Sub(answered))
		return
	}
	for _, j := range r.c.rows.jobs {
		id := j.ID.ID
		if j.State == fleet.JobCompleted || j.Repository.ID != m.Repository.ID || !matches(m.Labels, j.Labels) || !r.c.rows.seen[id].Before(answered) {
			continue
		}
		if r.asked[id].Sub(answered) < proofGets-clocksApart {
			r.broken("6.2", []string{m.ID.ID, jobName(id)}, "%s: %s is cleared, and GitHub was not asked for job %d, which is %s in its row and which its runner could have",
				d.name, m.ID.ID, id, j.State)
			return
		}
	}
}

// proofInFlight is how long a call may be on its way after it was decided; where a listing tells of it, it takes minutes.
const proofInFlight = 5 * time.Second

// terminating asserts that a machine which is ended had its proof (sections 6 and 8), and that no agent's worker is ended
// against its word (rule 6.3).
func (r *rules) terminating(d *domain, m *machine) {
	about := []string{m.inst.ID}
	row, known := r.c.rows.machines[r.c.rows.byID[m.inst.ID]]
	now := r.c.w.s.now
	if known && !row.Live() && r.awake(d, row.Ended) < proofInFlight {
		return // another replica's call for the same end was on its way
	}
	if !known || !row.Live() {
		if since, noted := r.c.rowless[m.inst.ID]; !noted || now.Sub(since) < proofRowless-lookEvery-clocksApart {
			r.broken("8", about, "%s: the rowless %s is ended %s after it became so", d.name, m.inst.ID, now.Sub(since))
		}
		return
	}
	r.proved(d, m, row)
}

// proved asserts that a machine whose row lives is ended with a proof.
func (r *rules) proved(d *domain, m *machine, row fleet.Machine) {
	about, now := []string{m.inst.ID}, r.c.w.s.now
	t := row.Retire
	switch {
	case t == nil:
		r.broken("6", about, "%s: %s is ended while its row says that it is %s", d.name, m.inst.ID, row.State)
	case t.Goodbye || t.Cleared || row.HandOuts() == 0 || row.Code != "" || t.Confirmed && !t.Answered.IsZero():
	default:
		r.broken("6.2", about, "%s: %s is ended without a proof: %s", d.name, m.inst.ID, t.Reason)
	}
	if t != nil && !t.Goodbye && !t.Cleared && row.Code == "" && !overtime(m, now) && m.reports(now) {
		r.broken("6.3", about, "%s: %s is ended while its agent reports a worker", d.name, m.inst.ID)
	}
}

func overtime(m *machine, now time.Time) bool {
	return m.maximum > 0 && now.Sub(m.worker.began) >= m.maximum
}

// rowlessSince keeps since when an instance has had no live row, and no open launch.
func (c *checker) rowlessSince() {
	for _, m := range c.w.cloud.open {
		row, known := c.rows.machines[c.rows.byID[m.inst.ID]]
		open := false
		if !known {
			l, found := c.rows.launch(m.inst.LaunchID)
			open = !found || !l.Settled()
		}
		switch _, noted := c.rowless[m.inst.ID]; {
		case !m.live(), open, known && row.Live():
			delete(c.rowless, m.inst.ID)
		case !noted:
			c.rowless[m.inst.ID] = c.w.s.now
		}
	}
}
