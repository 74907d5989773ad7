// Command sim runs worlds of the simulation: one seed with its history, or a long campaign on every core.
//
//	go run ./internal/simulate/sim -seed 17 -v         one world, and the history of a violation
//	go run ./internal/simulate/sim -for 10m            a campaign of fresh seeds, one process for each core
//	go run ./internal/simulate/sim -worlds 10000       one of exactly so many seeds
//
// Built with GOEXPERIMENT=jsonv2, which makes it a quarter faster, it runs the same worlds to the same steps. The exit code is 1
// when a world violated an invariant.
//
// Every world lives in a testing/synctest bubble, which needs a *testing.T; testing.Main gives one to an ordinary program.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/simulate"
)

// options are the command's arguments.
type options struct {
	seed    uint64
	seeds   int
	worlds  int
	jobs    int
	off     string
	with    string
	profile string
	about   string
	trace   string
	cpu     string
	sqlite  choice
	verbose bool
	quiet   bool
	on      bool
	child   bool
	length  time.Duration
}

// A world needs little memory, so that the collector may leave much of it for later.
const (
	gcPercent   = 800
	memoryLimit = 1 << 30
)

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "the first `seed`")
	flag.IntVar(&o.seeds, "seeds", 1, "how many seeds to run, from the first")
	flag.IntVar(&o.worlds, "worlds", 0, "run a campaign of exactly so many `seeds`, on every core; fresh ones, unless -seed says the first")
	flag.IntVar(&o.jobs, "jobs", 60, "how many `jobs` each world has, about")
	flag.StringVar(&o.off, "off", "", "`faults` to switch off, separated by commas, or all")
	flag.StringVar(&o.with, "with", "", "`faults` that happen often in every world, separated by commas")
	flag.StringVar(&o.profile, "profile", "", "make every world one of the difficult `kind`: "+strings.Join(simulate.Profiles(), ", "))
	flag.StringVar(&o.about, "about", "", "tell the history of these `things`, separated by commas (job 12, or the id of an instance), or all")
	flag.StringVar(&o.trace, "trace", "", "write every step to this `file`")
	flag.StringVar(&o.cpu, "cpuprofile", "", "write a profile of the processor's time to this `file`, for go tool pprof")
	flag.Var(&o.sqlite, "sqlite", "`true` or false: every world's store is SQLite, or none's; otherwise the seed decides")
	flag.BoolVar(&o.verbose, "v", false, "tell the history of a violation")
	flag.BoolVar(&o.quiet, "q", false, "tell of violations only")
	flag.BoolVar(&o.on, "on", false, "go on after a violation")
	flag.BoolVar(&o.child, "child", false, "write results as JSON, for the parent of a campaign")
	flag.DurationVar(&o.length, "for", 0, "run a campaign of fresh seeds for so long, on every core")
	testing.Init()
	flag.Parse()
	if (o.length > 0 || o.worlds > 0) && !o.child {
		if err := campaign(o, runtime.NumCPU()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{
		Name: "simulation", F: func(t *testing.T) {
			run := worlds
			if o.child {
				run = child
			}
			if !run(t, o) {
				t.Fail()
			}
		},
	}}, nil, nil)
}

// choice is true, false, or nothing said.
type choice struct{ said, value bool }

// String implements flag.Value.
func (c *choice) String() string {
	if !c.said {
		return ""
	}
	return strconv.FormatBool(c.value)
}

// Set implements flag.Value.
func (c *choice) Set(s string) (err error) {
	c.said = true
	if c.value, err = strconv.ParseBool(s); err != nil {
		return fmt.Errorf("neither true nor false: %q", s) //nolint:err113 // for people
	}
	return nil
}

// config is the world of a seed, without the faults that are switched off.
func (o options) config(seed uint64) simulate.Config {
	cfg := simulate.Draw(seed, o.jobs)
	if o.sqlite.said {
		cfg.SQLite = o.sqlite.value
	}
	if o.profile != "" {
		cfg = cfg.As(o.profile)
	}
	if o.off == "all" {
		cfg.Rates = simulate.Rates{}
		return cfg.On(strings.Split(o.with, ",")...)
	}
	return cfg.On(strings.Split(o.with, ",")...).Off(strings.Split(o.off, ",")...)
}
