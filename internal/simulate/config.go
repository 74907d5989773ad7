package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config is all that a run depends on. Draw makes one from a seed alone.
type Config struct {
	Seed     uint64
	Jobs     int           // that are queued, at least
	Replicas int           // controllers
	Faulty   time.Duration // for how long faults happen; jobs are queued from its beginning to its end
	Rates    Rates
}

// Draw makes the world of a seed with about so many jobs.
func Draw(seed uint64, jobs int) Config {
	r := newStream(seed, purposeConfig)
	c := Config{Seed: seed, Jobs: jobs}
	c.Replicas = 1 + r.below(3)
	c.Faulty = r.between(20*time.Minute, 60*time.Minute).Round(time.Second)
	c.Rates = drawRates(r)
	return c
}

// String is the configuration as the arguments of the command that replays it.
func (c Config) String() string {
	off := make([]string, 0, len(c.Rates))
	drawn := Draw(c.Seed, c.Jobs).Rates
	for _, f := range drawn.Kinds() {
		if c.Rates[f] == 0 {
			off = append(off, string(f))
		}
	}
	args := fmt.Sprintf("-seed %d -jobs %d", c.Seed, c.Jobs)
	if len(off) > 0 {
		args += " -off " + strings.Join(off, ",")
	}
	return args
}

// Off switches the faults of these names off.
func (c Config) Off(names ...string) Config {
	for _, n := range slices.Compact(slices.Sorted(slices.Values(names))) {
		c.Rates = c.Rates.Without(Fault(n))
	}
	return c
}

// The purposes of the world's sources of randomness.
const (
	purposeConfig uint64 = iota + 1
	purposeOrder
	purposeGitHub
	purposeWork
	purposeFaults
	purposeCloud
	purposeAgents
	purposeQueue
	purposeReplica // and one for each of its lives
)
