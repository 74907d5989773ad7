package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/catalog"
	"github.com/runs-fleet/runs-fleet/internal/simulate/forecast"
)

// Config is all that a run depends on. Draw makes one from a seed alone.
type Config struct {
	Seed     uint64
	Jobs     int           // that are queued, at least
	Replicas int           // controllers
	Faulty   time.Duration // for how long faults happen; jobs are queued from its beginning to its end
	Rates    Rates
	Forecast *forecast.Plan // in place of the campaign's jobs and machines (optional)
	SQLite   bool           // the store is SQLite in a file, not the strict one in memory
	folder   string         // where that file is
	types    []catalog.Type // that a forecast's machines may be of
	Profile  string         // the difficult world that was asked for; empty for what the seed drew
	Watch    Watch          // is told of the calls to the store and the queue (optional)
}

// Draw makes the world of a seed with about so many jobs.
func Draw(seed uint64, jobs int) Config {
	r := newStream(seed, purposeConfig)
	c := Config{Seed: seed, Jobs: jobs}
	c.Replicas = 1 + r.below(3)
	c.Faulty = r.between(20*time.Minute, 60*time.Minute).Round(time.Second)
	c.Rates = drawRates(r)
	c.SQLite = r.below(sqliteOneIn) == 0
	return c
}

// sqliteOneIn is how many worlds there are to one whose store is SQLite, which takes half as long again.
const sqliteOneIn = 100

// As makes the world one of the difficult ones (Profiles).
func (c Config) As(name string) Config {
	c.Profile = name
	c.Rates = profile(name, newStream(c.Seed, purposeProfile))
	return c
}

// String is the configuration as the arguments of the command that replays it.
func (c Config) String() string {
	off := make([]string, 0, len(c.Rates))
	drawn := Draw(c.Seed, c.Jobs).Rates
	if c.Profile != "" {
		drawn = Draw(c.Seed, c.Jobs).As(c.Profile).Rates
	}
	for _, f := range drawn.Kinds() {
		if c.Rates[f] == 0 {
			off = append(off, string(f))
		}
	}
	var on []string
	for _, f := range c.Rates.Kinds() {
		if c.Rates[f] != drawn[f] {
			on = append(on, string(f))
		}
	}
	args := fmt.Sprintf("-seed %d -jobs %d", c.Seed, c.Jobs)
	if c.Profile != "" {
		args += fmt.Sprintf(" -profile %q", c.Profile)
	}
	if c.SQLite != Draw(c.Seed, c.Jobs).SQLite {
		args += fmt.Sprintf(" -sqlite=%t", c.SQLite)
	}
	if len(on) > 0 {
		args += " -with " + strings.Join(on, ",")
	}
	if len(off) > 0 {
		args += " -off " + strings.Join(off, ",")
	}
	return args
}

// On makes faults happen often, whatever the seed drew.
func (c Config) On(names ...string) Config {
	rates := maps.Clone(c.Rates)
	all := typical()
	for _, n := range names {
		if rate, known := all[Fault(n)]; known {
			rates[Fault(n)] = 2 * rate
		}
	}
	c.Rates = rates
	return c
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
	purposeProfile
	purposeReceivers
	purposeReplica // and one for each of its lives
)
