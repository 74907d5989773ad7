package simulate

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// Stats are the figures of a run, or of many.
type Stats struct {
	Runs     int
	Jobs     int
	Launches int
	Machines int
	Mints    int
	Refusals int // of mints
	Idle     int // machines that never ran a job, though nothing happened to them
	Pardoned int // of these: as many as jobs were cancelled or taken, registrations removed, and answers lost
	Excused  int // the one case of rule 6.2
	Steps    int
	Virtual  time.Duration
	Rest     time.Duration // from the last fault until everything had come to rest, the longest
	Faults   map[Fault]int
	Waits    []time.Duration // from queued to in progress
}

// Add sums figures up.
func (s *Stats) Add(o Stats) {
	s.Runs += o.Runs
	s.Jobs += o.Jobs
	s.Launches += o.Launches
	s.Machines += o.Machines
	s.Mints += o.Mints
	s.Refusals += o.Refusals
	s.Idle += o.Idle
	s.Pardoned += o.Pardoned
	s.Excused += o.Excused
	s.Steps += o.Steps
	s.Virtual += o.Virtual
	s.Rest = max(s.Rest, o.Rest)
	if s.Faults == nil {
		s.Faults = map[Fault]int{}
	}
	for f, n := range o.Faults {
		s.Faults[f] += n
	}
	s.Waits = append(s.Waits, o.Waits...)
}

// surplus asserts BoundedSurplus: machines that never ran a job stay within max(2, 2 %) of those launched, without those that
// section 9 does not count: boots that failed, machines that were lost, jobs that were cancelled or taken after the launch,
// launches without an answer (a replica that dies hears none), and refusals of GitHub, which make a launched machine useless.
func (c *checker) surplus() {
	w := c.w
	idle := 0
	var about []string
	for _, m := range w.cloud.machines {
		if !m.ran && !m.slow && m.fault == "" && !m.silenced && !c.rows.lost[m.inst.ID] {
			idle++
			about = append(about, m.inst.ID)
		}
	}
	pardoned := w.stats.Refusals + w.cloud.unanswered()
	for _, f := range []Fault{
		JobTaken, RunCancelled, Revision, IdleRemoved, ListenerStubborn, GitHubTimeout, AssignmentLost, InProgressEarly,
		ReplicaKilled, ReplicaPaused, ReplicaRolled, SpotReclaim, CompletedNeverSent,
	} {
		pardoned += w.stats.Faults[f]
	}
	pardoned += c.githubsDoing()
	w.stats.Idle, w.stats.Pardoned = idle, min(idle, pardoned)
	if left := idle - pardoned; left > max(2, w.stats.Machines*surplusPercent/100) {
		c.violated("BoundedSurplus", about, "%d of %d machines never ran a job, %d of them without excuse: %v", idle, w.stats.Machines, left, about)
	}
}

const surplusPercent = 2

// githubsDoing counts machines that GitHub itself made useless: it never gave their runner the job that it held queued, or
// forgot their registration; and jobs that no runner ever got, each of which may have cost two listeners (rule 5.7) and the
// machine on its way.
func (c *checker) githubsDoing() int {
	rates := c.w.cfg.Rates
	n := 0
	if rates[AssignmentLost]+rates[IdleRemoved]+rates[InProgressEarly]+rates[RunCompletesEarly] > 0 {
		for _, m := range c.rows.machines {
			if m.Retire != nil && m.HandOuts() > 0 && m.WorkerStarted.IsZero() {
				n++
			}
		}
	}
	c.w.hub.jobs(func(_ *world.Run, job *world.Job) {
		if job.RunnerID == 0 && rates[RunCompletesEarly] > 0 {
			n += 3
		}
	})
	return n
}
