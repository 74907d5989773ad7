package pool

import (
	"slices"
	"time"
)

// Times are measured durations, in ascending order.
type Times []time.Duration

// NewTimes sorts measurements.
func NewTimes(measured []time.Duration) Times {
	t := slices.Clone(measured)
	slices.Sort(t)
	return t
}

// For is how long before they are needed n machines must be set off: the quantile 1 - 0.5/n of the measurements. Then the
// last of them is in time as often as not; with a fixed quantile of 0.9, ten machines would be late two times in three.
// Without measurements it is what is assumed.
func (t Times) For(n int, assumed time.Duration) time.Duration {
	if len(t) == 0 {
		return assumed
	}
	// ceil(len * (1 - 0.5/n)) without rounding errors
	parts := 2 * max(1, n)
	rank := (len(t)*(parts-1) + parts - 1) / parts
	return t[max(rank, 1)-1]
}

// Boots are the measured times of what a pool's machines do.
type Boots struct {
	Create Times // from the launch's call to the agent's hello
	Start  Times // of a stopped machine, to the agent's hello
	Stop   Times // from the order to the provider's word
}

// What is assumed of a kind of machine that was never measured; EC2's Linux machines are mostly faster.
const (
	AssumedCreate = 90 * time.Second
	AssumedStart  = 45 * time.Second
	AssumedStop   = 60 * time.Second
)
