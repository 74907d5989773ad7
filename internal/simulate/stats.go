package simulate

import "time"

// Stats are the figures of a run, or of many.
type Stats struct {
	Runs     int
	Jobs     int
	Launches int
	Machines int
	Mints    int
	Refusals int            // of mints
	Idle     int            // machines that never ran a job
	Pardoned int            // of these: those with an excuse
	IdleBy   map[string]int // by excuse
	Ended    int            // replicas that ended by themselves and were started again
	Excused  int            // the one case of rule 6.2
	Steps    int
	Virtual  time.Duration
	Rest     time.Duration // from the last fault until everything had come to rest, the longest
	Faults   map[Fault]int
	Waits    []time.Duration // from queued to in progress
	Steady   map[string]Spread
	Others   map[string]Spread
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
	s.Ended += o.Ended
	s.Steps += o.Steps
	s.Virtual += o.Virtual
	s.Rest = max(s.Rest, o.Rest)
	if s.Faults == nil {
		s.Faults = map[Fault]int{}
	}
	if s.IdleBy == nil {
		s.IdleBy = map[string]int{}
	}
	for why, n := range o.IdleBy {
		s.IdleBy[why] += n
	}
	for f, n := range o.Faults {
		s.Faults[f] += n
	}
	s.Waits = append(s.Waits, o.Waits...)
	s.Steady, s.Others = merged(s.Steady, o.Steady), merged(s.Others, o.Others)
}

func merged(into, from map[string]Spread) map[string]Spread {
	if into == nil {
		into = map[string]Spread{}
	}
	for key, s := range from {
		sum := into[key]
		sum.merge(s)
		into[key] = sum
	}
	return into
}
