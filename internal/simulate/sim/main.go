// Command sim runs worlds of the simulation: one seed with its history, or a long campaign.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/simulate"
)

func main() {
	seed := flag.Uint64("seed", 1, "the first `seed`")
	seeds := flag.Int("seeds", 1, "how many seeds to run, from the first")
	jobs := flag.Int("jobs", 60, "how many `jobs` each world has, about")
	off := flag.String("off", "", "`faults` to switch off, separated by commas; all for every one")
	trace := flag.String("trace", "", "write every step to this `file`")
	verbose := flag.Bool("v", false, "tell the history of a violation")
	on := flag.Bool("on", false, "go on after a violation")
	quiet := flag.Bool("q", false, "tell of violations only")
	testing.Init()
	flag.Parse()
	runtime.GOMAXPROCS(1)
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{
		Name: "simulation", F: func(t *testing.T) {
			if !campaign(t, *seed, *seeds, *jobs, *off, *verbose, *on, *quiet, *trace) {
				t.Fail()
			}
		},
	}}, nil, nil)
}

func campaign(t *testing.T, seed uint64, seeds, jobs int, off string, verbose, on, quiet bool, trace string) bool {
	failed := false
	var out io.Writer
	if trace != "" {
		f, err := os.Create(trace)
		if err != nil {
			t.Error(err)
			return false
		}
		defer f.Close()
		buffered := bufio.NewWriter(f)
		defer buffered.Flush()
		out = buffered
	}
	var sum simulate.Stats
	began := time.Now()
	for i := range seeds {
		cfg := simulate.Draw(seed+uint64(i), jobs)
		if off == "all" {
			cfg.Rates = simulate.Rates{}
		} else if off != "" {
			cfg = cfg.Off(strings.Split(off, ",")...)
		}
		at := time.Now()
		res := simulate.Trace(t, cfg, false, out)
		sum.Add(res.Stats)
		if !quiet {
			fmt.Printf("seed %d: hash %016x, %d jobs, %d machines (%d idle, %d pardoned), %d replicas, %s, %d steps, rest %s, took %s, faults %v\n", cfg.Seed, res.Hash, res.Stats.Jobs, res.Stats.Machines,
				res.Stats.Idle, res.Stats.Pardoned, cfg.Replicas, res.Stats.Virtual.Round(time.Second), res.Stats.Steps, res.Stats.Rest, time.Since(at).Round(time.Millisecond), cfg.Rates.Kinds())
		}
		if res.Violation == nil {
			continue
		}
		fmt.Printf("VIOLATION of %s at %s: %s\n  %s\n", res.Violation.Invariant, res.Violation.At, res.Violation.Text, res.Replay())
		if verbose {
			for _, l := range simulate.Run(t, cfg, true).History {
				fmt.Println(l)
			}
		}
		failed = true
		if !on {
			break
		}
	}
	fmt.Printf("%d runs, %d jobs, %d machines (%d idle, %d of them pardoned), excused %d, %d steps, %s virtual, %s\n", sum.Runs, sum.Jobs, sum.Machines, sum.Idle, sum.Pardoned, sum.Excused, sum.Steps, sum.Virtual, time.Since(began))
	fmt.Println(sum.Faults)
	return !failed
}
