package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// child runs worlds until its time is over or it has run its number of them, every n-th seed, and writes a line for each.
func child(t *testing.T, o options) bool {
	t.Helper()
	out := json.NewEncoder(os.Stdout)
	clock := seam.System{}
	end := clock.Now().Add(o.length)
	more := func(done int) bool {
		return (o.worlds == 0 || done < o.worlds) && (o.length == 0 || clock.Now().Before(end))
	}
	for done := 0; more(done); done++ {
		res := simulate.Run(t, o.config(o.seed+uint64(done*o.seeds)), false)
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
	if o.worlds > 0 {
		cores = min(cores, o.worlds)
	}
	fmt.Printf("%d processes, %s, seeds from %d, about %d jobs each\n", cores, o.extent(), o.seed, o.jobs)
	s := &summary{clock: clock, began: clock.Now(), told: clock.Now(), worlds: o.worlds}
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
	if s.violated > 0 {
		return fmt.Errorf("%d worlds violated an invariant", s.violated) //nolint:err113 // for people
	}
	return nil
}

// extent is how much a campaign is to do.
func (o options) extent() string {
	switch {
	case o.worlds == 0:
		return o.length.String()
	case o.length == 0:
		return fmt.Sprintf("%d worlds", o.worlds)
	default:
		return fmt.Sprintf("%d worlds or %s", o.worlds, o.length)
	}
}

// worldsTake bounds a campaign that has a number of worlds and no time.
const worldsTake = 7 * 24 * time.Hour

func (s *summary) follow(o options, i, cores int) error {
	share := 0
	if o.worlds > 0 {
		share = (o.worlds + cores - 1 - i) / cores
	}
	args := []string{
		"-child", "-worlds", strconv.Itoa(share), "-seed", strconv.FormatUint(o.seed+uint64(i), 10), "-seeds", strconv.Itoa(cores),
		"-jobs", strconv.Itoa(o.jobs), "-for", o.length.String(), "-off", o.off, "-with", o.with, "-profile", o.profile,
	}
	if o.sqlite.said {
		args = append(args, "-sqlite", o.sqlite.String())
	}
	limit := o.length + time.Hour // what the last world and its shrinking take
	if o.length == 0 {
		limit = worldsTake
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
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
