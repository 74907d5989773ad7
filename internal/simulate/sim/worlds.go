package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/simulate"
)

// profile begins a profile of the processor's time, if a file is named for it, and returns what ends it.
func profile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("creating the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("profiling: %w", err), f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}

// worlds runs one seed after the other, and says whether all invariants held.
func worlds(t *testing.T, o options) bool {
	t.Helper()
	stop, err := profile(o.cpu)
	if err != nil {
		t.Error(err)
		return false
	}
	defer stop()
	var out io.Writer
	if o.trace != "" {
		f, err := os.Create(o.trace)
		if err != nil {
			t.Error(err)
			return false
		}
		defer func() { _ = f.Close() }()
		buffered := bufio.NewWriter(f)
		defer func() { _ = buffered.Flush() }()
		out = buffered
	}
	var sum simulate.Stats
	clock := seam.System{}
	began, failed := clock.Now(), false
	for i := range o.seeds {
		cfg := o.config(o.seed + uint64(i))
		at := clock.Now()
		res := simulate.Trace(t, cfg, false, out)
		sum.Add(res.Stats)
		if !o.quiet {
			tell(res, clock.Now().Sub(at))
		}
		if o.about != "" {
			things := strings.Split(o.about, ",")
			if o.about == "all" {
				things = nil
			}
			for _, l := range simulate.Run(t, cfg, true).Tell(things...) {
				fmt.Println(l)
			}
		}
		if res.Violation == nil {
			continue
		}
		failed = true
		fmt.Printf("VIOLATION of %s at %s: %s\n  %s\n", res.Violation.Invariant, res.Violation.At, res.Violation.Text, res.Replay())
		if o.verbose {
			for _, l := range simulate.Run(t, cfg, true).History {
				fmt.Println(l)
			}
		}
		if !o.on {
			break
		}
	}
	fmt.Printf("%d runs, %d jobs, %d machines (%d idle, %d of them pardoned), excused %d, %d steps, %s of virtual time in %s\n",
		sum.Runs, sum.Jobs, sum.Machines, sum.Idle, sum.Pardoned, sum.Excused, sum.Steps, sum.Virtual.Round(time.Second), clock.Now().Sub(began).Round(time.Millisecond))
	return !failed
}

func tell(res simulate.Result, took time.Duration) {
	s := res.Stats
	fmt.Printf("seed %d: hash %016x, %d jobs, %d machines (%d idle, %d pardoned), %d replicas, %s, %d steps, at rest after %s, took %s, faults %v\n",
		res.Config.Seed, res.Hash, s.Jobs, s.Machines, s.Idle, s.Pardoned, res.Config.Replicas, s.Virtual.Round(time.Second), s.Steps,
		s.Rest.Round(time.Second), took.Round(time.Millisecond), res.Config.Rates.Kinds())
}
