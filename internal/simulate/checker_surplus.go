package simulate

import (
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// surplusOf judges every machine that never ran a job by itself: what was done to it, or which need it was launched for
// ended without it. Each such end excuses one machine.
type surplusOf struct {
	c     *checker
	ended []*ending
	given map[string]bool // machines that were given up before a worker started
}

// ending is a need of a shape that ended without the machine that was launched for it.
type ending struct {
	at    time.Time
	shape fleet.ShapeKey
	why   string
	used  bool
}

func (s *surplusOf) end(shape fleet.ShapeKey, n int, why string) {
	for range n {
		s.ended = append(s.ended, &ending{at: s.c.w.s.now, shape: shape, why: why})
	}
}

// job notes what a job's new row says of need: that of a job which ends, or goes on, without a machine of ours.
func (s *surplusOf) job(was, j fleet.Job) {
	counted := func(x fleet.Job) bool { return x.State == fleet.JobQueued && x.Demand != "" && x.Problem == nil }
	now := s.c.w.s.now
	switch {
	case !counted(was) || now.Before(was.BackoffUntil):
	case j.Shape != was.Shape:
		s.end(was.Shape, 1, "its job moved to another shape (rule 1.9)")
	case now.Before(j.BackoffUntil):
		s.end(was.Shape, 1, "its job was found unmatched (rule 5.7)")
	case j.State == fleet.JobInProgress && s.c.rows.names[j.Runner] == "":
		s.end(was.Shape, 1, "its job was taken by others")
	case j.State == fleet.JobCompleted && (j.Runner == "" || s.c.rows.names[j.Runner] == ""):
		s.end(was.Shape, 1, "its job ended before it ran")
	}
}

// machine notes machines that were given up and came back: those which were launched instead of them are not needed.
func (s *surplusOf) machine(was, m fleet.Machine) {
	now := s.c.w.s.now
	waits := func(x fleet.MachineState) bool {
		return x == fleet.MachineReady || x == fleet.MachineAssigned || x == fleet.MachineListening
	}
	switch {
	case was.State == fleet.MachineRetiring && m.State == fleet.MachineWorking:
		s.given[m.ID.ID] = false
		s.end(m.Shape, 1, "the machine that it was to replace went on (rules 6.1, 6.2)")
	case m.State == fleet.MachineRetiring && waits(was.State):
		s.given[m.ID.ID] = true
	case waits(was.State) && m.Lease.After(was.Lease) && now.Add(clocksApart).After(was.Lease):
		s.end(m.Shape, 1, "the machine that it was to replace renewed its lease after all")
	case was.State == fleet.MachineStarting && m.State == fleet.MachineReady && now.Add(clocksApart).After(was.Launched.Add(needBoot)):
		s.end(m.Shape, 1, "the machine that it was to replace booted after all")
	case was.State == fleet.MachineAssigned && m.State == fleet.MachineReady:
		s.refused(was.Demand)
	}
}

// refused notes a demand whose registrations GitHub refuses: its jobs need nothing for a while (rule 4.6).
func (s *surplusOf) refused(d fleet.DemandKey) {
	for k, jobs := range s.c.need.jobs {
		for _, j := range jobs {
			if j.Demand == d {
				s.end(k, 1, "GitHub refused the registration (rule 4.6)")
			}
		}
	}
}

// launch notes places that attach although their launch had ceased to count (rule 1.6).
func (s *surplusOf) launch(was, l fleet.Launch) {
	if l.Attached > was.Attached && was.Answered.IsZero() && s.c.w.s.now.Add(clocksApart).Sub(l.Created) >= needUnheard {
		s.end(l.Shape, l.Attached-was.Attached, "a launch that was given up was answered after all (rule 1.6)")
	}
}

// ran notes a worker that starts on a machine that had been given up.
func (s *surplusOf) ran(m *machine) {
	if s.given[m.inst.ID] {
		s.given[m.inst.ID] = false
		s.end(s.c.shapeOf(m), 1, "the machine that it was to replace took a job after all")
	}
}

func (c *checker) shapeOf(m *machine) fleet.ShapeKey {
	if row, known := c.rows.byID[m.inst.ID]; known {
		return c.rows.machines[row].Shape
	}
	return fleet.ShapeKey(m.inst.LaunchID[2:shapeOfID])
}

// verdict says why a machine never ran a job, as far as that is its own story; empty if it is not.
func (s *surplusOf) verdict(m *machine) string {
	row, known := s.c.rows.machines[s.c.rows.byID[m.inst.ID]]
	switch {
	case m.slow:
		return "it booted late or never"
	case m.fault != "":
		return m.fault
	case m.silenced || s.c.rows.lost[m.inst.ID]:
		return "it lost its lease"
	case m.wasStubborn:
		return "its listener did not connect"
	case m.unregistered:
		return "GitHub forgot its registration"
	case m.given != 0:
		return "GitHub gave it a job that it did not get"
	case s.c.rows.vain[m.inst.ID]:
		return "GitHub gave it none of the jobs that it held queued"
	case !known && (m.forgotten || s.c.w.cloud.unheard(m.inst.LaunchID)):
		return "no answer told of it in time"
	case known && (row.HandOuts() > 1 || len(row.Runners) > 1) && m.troubles > 0:
		return "its registrations failed"
	default:
		return ""
	}
}

// How long before a need ended a machine may have been launched for it: it boots, registers and waits for a minute. A
// decision that was on its way may be some time later.
const (
	launchedAfter = time.Minute
	surplusAtMost = 2 // percent
)

// judge asserts BoundedSurplus: machines that never ran a job, and have no excuse of their own, stay within max(2, 2 %).
func (s *surplusOf) judge() {
	w := s.c.w
	w.stats.IdleBy = map[string]int{}
	var bare []*machine
	for _, m := range w.cloud.machines {
		if m.ran {
			continue
		}
		w.stats.Idle++
		if why := s.verdict(m); why != "" {
			w.stats.IdleBy[why]++
			w.history.add(m.inst.ID, "%s never ran a job: %s", m.inst.ID, why)
			continue
		}
		bare = append(bare, m)
	}
	var left []string
	slices.SortStableFunc(bare, func(a, b *machine) int { return a.ended.Compare(b.ended) })
	for _, m := range bare {
		e := s.excuse(m)
		if e == nil {
			left = append(left, m.inst.ID)
			w.stats.IdleBy["nothing"]++
			continue
		}
		e.used = true
		w.stats.IdleBy[e.why]++
		w.history.add(m.inst.ID, "%s never ran a job: %s", m.inst.ID, e.why)
	}
	w.stats.Pardoned = w.stats.Idle - len(left)
	if len(left) > max(2, w.stats.Machines*surplusAtMost/100) {
		s.c.violated("BoundedSurplus", left, "%d of %d machines never ran a job, and nothing excuses %v", w.stats.Idle, w.stats.Machines, left)
	}
}

// excuse finds the earliest end of need, not yet used, that may have made a machine useless.
func (s *surplusOf) excuse(m *machine) *ending {
	shape := s.c.shapeOf(m)
	for _, e := range s.ended {
		if !e.used && e.shape == shape && e.at.After(m.created.Add(-launchedAfter)) && (m.ended.IsZero() || !e.at.After(m.ended)) {
			return e
		}
	}
	return nil
}

// vain says whether GitHub held a job queued, all the time that a machine listened, that its runner could have been given.
func (c *checker) inVain(m fleet.Machine) bool {
	found := false
	c.w.hub.jobs(func(run *world.Run, job *world.Job) {
		found = found || job.Status == world.Queued && repositoryOf(run.Repository).ID == m.Repository.ID &&
			!job.QueuedAt.After(m.Connected.Add(clocksApart)) && matches(m.Labels, job.Labels)
	})
	return found
}
