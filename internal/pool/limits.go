package pool

import "time"

// Limits bound what happens at a time.
type Limits struct {
	// Create, Start, Stop and Terminate are how many a plan may have of each. A launch has at most 90 places (rule 1.12).
	Create, Start, Stop, Terminate int
	// Rollout is how many machines of a former revision may be on their way out at a time. It is also at most a tenth of the
	// pool, and at least one.
	Rollout int
	// Grace is how long after its boot began a machine is left alone: what starts with the system may still be starting, and
	// a stop would collide with it.
	Grace time.Duration
	// Settle is how far beyond a boot the schedule is looked at before machines are given up: what is wanted again so soon
	// is kept.
	Settle time.Duration
	// Pass is how often a plan is made.
	Pass time.Duration
}

// DefaultLimits are for machines of a cloud.
func DefaultLimits() Limits {
	return Limits{
		Create: 90, Start: 50, Stop: 25, Terminate: 25, Rollout: 10,
		Grace: 3 * time.Minute, Settle: 10 * time.Minute, Pass: 5 * time.Second,
	}
}

// lateBy is how much longer it takes to order n machines when a plan may order so many.
func (l Limits) lateBy(n, most int) time.Duration {
	if n <= most {
		return 0
	}
	return time.Duration((n-1)/most) * l.Pass
}
