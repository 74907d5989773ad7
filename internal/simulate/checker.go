package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// Violation is an invariant that did not hold. About names what it concerns, as the history does.
type Violation struct {
	Invariant string
	Text      string
	About     []string
	At        time.Duration
}

// checker asserts the invariants of docs/architecture.md. The world ends at the first violation.
type checker struct {
	heartbeats heartbeats
	w          *World
	first      *Violation
	rows       rows
	need       *need
	surplus    *surplusOf
	recovery   *recovery
	rules      *rules
	overdue    overdue
	listeners  map[fleet.DemandKey]string    // assigned or listening, by demand, at the last look
	supplies   map[fleet.ShapeKey]string     // machines that start or are ready, at the last look
	rowless    map[string]time.Time          // instances that no row and no launch answers for, since when
	starts     map[fleet.DemandKey]time.Time // when a job of a demand last began, as the rows say
	unowned    map[string]time.Time          // instances that nothing answers for, since when
	received   map[string]fleet.Sighting
	stored     map[string]bool // deliveries about which a message is in the queue, or was
	deletes    map[string]bool // runners that GitHub answered 204 for while they were busy
}

func newChecker(w *World) *checker {
	c := &checker{w: w, rows: newRows(), need: newNeed(w), unowned: map[string]time.Time{}}
	c.received, c.stored, c.deletes = map[string]fleet.Sighting{}, map[string]bool{}, map[string]bool{}
	c.recovery = newRecovery(c)
	c.surplus = &surplusOf{c: c, given: map[string]bool{}}
	c.rules, c.overdue, c.rowless, c.starts = newRules(c), overdue{}, map[string]time.Time{}, map[fleet.DemandKey]time.Time{}
	c.supplies, c.listeners = map[fleet.ShapeKey]string{}, map[fleet.DemandKey]string{}
	return c
}

func (c *checker) violated(invariant string, about []string, format string, args ...any) {
	if c.w.cfg.Forecast != nil && !promisedAlways(invariant) {
		return
	}
	text := fmt.Sprintf(format, args...)
	c.w.history.add("", "VIOLATION of %s: %s", invariant, text)
	if c.first == nil {
		c.first = &Violation{Invariant: invariant, Text: text, About: about, At: c.w.since()}
	}
}

// logged is told of every error that a controller logs: a panic is one.
func (c *checker) logged(text string) {
	if strings.Contains(text, "a bug was met") {
		c.violated("NoPanic", nil, "%s", text)
		return
	}
	c.w.history.add("", "%s", text)
}

// launched asserts that a launch's row existed before its call (rule 2.2).
func (c *checker) launched(r provider.Request) {
	if row, known := c.rows.launch(r.LaunchID); !known || row.Count != r.Count {
		c.violated("OneFleetPerLaunch", []string{r.LaunchID}, "launch %s of %d was called without its row", r.LaunchID, r.Count)
	}
}

// deleting asserts RightFleet for a registration.
func (c *checker) deleting(r *world.Runner) {
	if !c.w.hub.ours(r) {
		c.violated("RightFleet", []string{r.Name}, "the registration %s of others is deleted", r.Name)
	}
}

// busy returns the job that a machine really runs, or nil.
func (c *checker) busy(m *machine) *world.Job {
	if !m.worker.running {
		return nil
	}
	job := c.w.hub.gh.Job(m.worker.job)
	if job == nil || job.Status != world.InProgress || m.gh == nil || job.RunnerID != m.gh.ID {
		return nil
	}
	return job
}

// terminating asserts NeverKillBusy.
func (c *checker) terminating(d *domain, m *machine) {
	if m.live() {
		c.rules.terminating(d, m)
	}
	job := c.busy(m)
	if job == nil || !m.live() {
		return
	}
	now := c.w.s.now
	if m.maximum > 0 && now.Sub(m.worker.began) >= m.maximum {
		return
	}
	_, known := c.rows.job(job.ID)
	silent := m.agent.hung || now.Before(m.agent.cut) || m.fault != ""
	if !known && silent {
		c.w.stats.Excused++ // rule 6.2: no rule can see that
		return
	}
	c.violated("NeverKillBusy", []string{m.inst.ID, jobName(job.ID)}, "%s ends %s while it runs job %d, since %s (%s)",
		d.name, m.inst.ID, job.ID, now.Sub(m.worker.began).Round(time.Millisecond), m.fault)
}

// agentLeft asserts NeverKillBusy for a machine that powers itself off.
func (c *checker) agentLeft(m *machine, why string) {
	if job := c.busy(m); job != nil {
		c.violated("NeverKillBusy", []string{m.inst.ID, jobName(job.ID)}, "%s powers itself off (%s) while it runs job %d", m.inst.ID, why, job.ID)
	}
}

// started notes how long a job waited.
func (c *checker) started(job *world.Job) {
	c.w.stats.Waits = append(c.w.stats.Waits, c.w.s.now.Sub(job.QueuedAt))
}

// took remembers what a delivery of the queue said, acknowledged asserts AckAfterDurable when it is deleted.
func (c *checker) took(receipt string, body []byte) {
	if e, err := controller.DecodeEvent(body); err == nil && e.Job != nil {
		c.received[receipt] = *e.Job
	}
}

func (c *checker) acknowledged(receipt string) {
	s, known := c.received[receipt]
	delete(c.received, receipt)
	if !known || s.Conclusion == string(world.Skipped) {
		return
	}
	j, known := c.rows.job(s.Job)
	switch {
	case !known:
		c.violated("AckAfterDurable", []string{jobName(s.Job)}, "a message about job %d being %s is deleted and there is no row", s.Job, s.State)
	case j.Epoch > 1 || j.Over():
	case j.State.Rank() < s.State.Rank():
		c.violated("AckAfterDurable", []string{jobName(s.Job)}, "a message about job %d being %s is deleted while its row says %s", s.Job, s.State, j.State)
	case s.Runner != "" && !slices.Contains(j.Attributed, s.Runner) && !slices.Contains(j.Closed, s.Runner):
		c.violated("AckAfterDurable", []string{jobName(s.Job)}, "a message that job %d runs on %s is deleted and the job is not attributed", s.Job, s.Runner)
	}
}

func jobName(id int64) string { return fmt.Sprintf("job %d", id) }
