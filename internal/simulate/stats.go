package simulate

import "time"

// Stats are the figures of a run, or of many.
type Stats struct {
	Runs     int
	Jobs     int
	Launches int
	Machines int
	Mints    int
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

// surplus asserts BoundedSurplus.
func (c *checker) surplus() {
	w := c.w
	idle := 0
	var about []string
	for _, m := range w.cloud.machines {
		if !m.ran && !m.slow && m.fault == "" {
			idle++
			about = append(about, m.inst.ID)
		}
	}
	f := w.stats.Faults
	pardoned := f[JobTaken] + f[RunCancelled] + f[ProviderTimeout] + f[ProviderDown] + w.stats.Unused()
	w.stats.Idle, w.stats.Pardoned = idle, min(idle, pardoned)
	if left := idle - pardoned; left > max(2, w.stats.Machines*surplusPercent/100) {
		c.violated("BoundedSurplus", about, "%d of %d machines never ran a job, %d of them without excuse: %v", idle, w.stats.Machines, left, about)
	}
}

const surplusPercent = 2

// Unused counts what makes a machine useless that was launched for good reason.
func (s *Stats) Unused() int {
	n := 0
	for _, f := range []Fault{IdleRemoved, ListenerStubborn, MintRefused, GitHubTimeout, WebhookLost, WebhookLate, AssignmentLost, InProgressEarly} {
		n += s.Faults[f]
	}
	return n
}
