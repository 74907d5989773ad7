package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/simulate"
)

// outcome is what a child writes for each world.
type outcome struct {
	Stats     simulate.Stats
	Invariant string
	Text      string // the whole explanation of a violation, after shrinking
}

// child runs worlds until its time is over, every n-th seed, and writes a line for each.
func child(t *testing.T, o options) bool {
	t.Helper()
	out := json.NewEncoder(os.Stdout)
	clock := seam.System{}
	for end := clock.Now().Add(o.length); clock.Now().Before(end); o.seed += uint64(o.seeds) {
		res := simulate.Run(t, o.config(o.seed), false)
		line := outcome{Stats: res.Stats}
		if res.Violation != nil {
			line.Invariant = res.Violation.Invariant
			line.Text = simulate.Explain(t, simulate.Shrink(t, res))
		}
		if err := out.Encode(line); err != nil {
			t.Error(err)
			return false
		}
	}
	return true
}

// campaign runs one child for each core, and tells how far they are.
func campaign(o options, cores int) error {
	clock := seam.System{}
	if o.seed == 1 {
		o.seed = uint64(clock.Now().UnixMilli())
	}
	fmt.Printf("%d processes, %s, seeds from %d\n", cores, o.length, o.seed)
	s := &summary{clock: clock, began: clock.Now(), told: clock.Now()}
	var all sync.WaitGroup
	failures := make([]error, cores)
	for i := range cores {
		all.Go(func() { failures[i] = s.follow(o, i, cores) })
	}
	all.Wait()
	s.print()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	if s.violations > 0 {
		return fmt.Errorf("%d worlds violated an invariant", s.violations) //nolint:err113 // for people
	}
	return nil
}

// summary adds up what the children say.
type summary struct {
	mu         sync.Mutex
	clock      seam.Clock
	began      time.Time
	told       time.Time
	stats      simulate.Stats
	violations int
}

// progressEvery is how often a campaign tells how far it is.
const progressEvery = 15 * time.Second

func (s *summary) follow(o options, i, cores int) error {
	args := []string{
		"-child", "-seed", strconv.FormatUint(o.seed+uint64(i), 10), "-seeds", strconv.Itoa(cores),
		"-jobs", strconv.Itoa(o.jobs), "-for", o.length.String(), "-off", o.off, "-with", o.with, "-profile", o.profile,
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.length+time.Hour)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("reading from a process of the campaign: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a process of the campaign: %w", err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		var got outcome
		if json.Unmarshal(line, &got) == nil && got.Stats.Runs > 0 {
			s.add(got)
		}
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("a process of the campaign ended early: %w", err)
	}
	return nil
}

func (s *summary) add(o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Add(o.Stats)
	if o.Text != "" {
		s.violations++
		fmt.Println(o.Text)
	}
	if now := s.clock.Now(); now.Sub(s.told) >= progressEvery {
		s.told = now
		fmt.Printf("%8s  %d worlds, %d jobs, %s of virtual time, %d violations\n", now.Sub(s.began).Round(time.Second), s.stats.Runs, s.stats.Jobs,
			s.stats.Virtual.Round(time.Minute), s.violations)
	}
}

func (s *summary) print() {
	st := s.stats
	fmt.Printf("\n| worlds | %d |\n| jobs | %d |\n| virtual time | %s |\n| steps | %d |\n| violations | %d |\n", st.Runs, st.Jobs, st.Virtual.Round(time.Minute), st.Steps, s.violations)
	fmt.Printf("| launches / machines / registrations | %d / %d / %d |\n", st.Launches, st.Machines, st.Mints)
	fmt.Printf("| machines that never ran a job | %d, %d of them without an excuse |\n", st.Idle, st.Idle-st.Pardoned)
	fmt.Printf("| machines ended in the one case of rule 6.2 | %d |\n", st.Excused)
	slices.Sort(st.Waits)
	if n := len(st.Waits); n > 0 {
		at := func(p int) time.Duration { return st.Waits[min(n-1, n*p/100)].Round(time.Second) }
		fmt.Printf("| from queued to in progress: 50 / 90 / 99 %% | %s / %s / %s |\n", at(50), at(90), at(99))
	}
	fmt.Printf("| everything at rest after the last fresh job, at the latest | %s |\n\n", st.Rest.Round(time.Second))
	kinds := make([]simulate.Fault, 0, len(st.Faults))
	for f := range st.Faults {
		kinds = append(kinds, f)
	}
	slices.Sort(kinds)
	for _, f := range kinds {
		fmt.Printf("| %s | %d |\n", f, st.Faults[f])
	}
}
