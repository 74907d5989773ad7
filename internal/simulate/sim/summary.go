package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/simulate"
)

// summary adds up what the children say.
type summary struct {
	mu         sync.Mutex
	clock      seam.Clock
	began      time.Time
	told       time.Time
	worlds     int // to be run; 0 is as many as there is time for
	stats      simulate.Stats
	violations map[string]int // by invariant
	violated   int
}

// progressEvery is how often a campaign tells how far it is.
const progressEvery = 15 * time.Second

func (s *summary) add(o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Add(o.Stats)
	if o.Text != "" {
		if s.violations == nil {
			s.violations = map[string]int{}
		}
		s.violations[o.Invariant]++
		s.violated++
		fmt.Println(o.Text)
	}
	if now := s.clock.Now(); now.Sub(s.told) >= progressEvery {
		s.told = now
		s.progress(now.Sub(s.began))
	}
}

func (s *summary) progress(since time.Duration) {
	of, left := "", ""
	if s.worlds > 0 {
		of = fmt.Sprintf(" of %d", s.worlds)
		rest := time.Duration(float64(since) / float64(s.stats.Runs) * float64(s.worlds-s.stats.Runs))
		left = fmt.Sprintf(", %s to go", rest.Round(time.Minute))
	}
	fmt.Printf("%8s  %d%s worlds, %d jobs (%.0f a second), %s of virtual time, %d violations%s\n", since.Round(time.Second), s.stats.Runs, of,
		s.stats.Jobs, float64(s.stats.Jobs)/since.Seconds(), s.stats.Virtual.Round(time.Minute), s.violated, left)
}

// print writes the figures as docs/reliability.md has them.
func (s *summary) print() {
	st := s.stats
	fmt.Printf("\n| | |\n|---|---|\n")
	row := func(what, format string, args ...any) {
		fmt.Printf("| %s | %s |\n", what, fmt.Sprintf(format, args...))
	}
	row("worlds", "%d", st.Runs)
	row("jobs", "%d", st.Jobs)
	row("virtual time", "%s", st.Virtual.Round(time.Minute))
	row("steps", "%d", st.Steps)
	row("violations", "%d%s", s.violated, s.byInvariant())
	row("launches / machines / registrations", "%d / %d / %d", st.Launches, st.Machines, st.Mints)
	row("machines that never ran a job", "%d, of which section 9 does not count %d: a surplus of %.2f %%", st.Idle, st.Pardoned,
		100*float64(st.Idle-st.Pardoned)/float64(max(1, st.Machines)))
	row("machines ended in the one case of rule 6.2", "%d", st.Excused)
	row("servers that ended by themselves and were started again", "%d", st.Ended)
	slices.Sort(st.Waits)
	if n := len(st.Waits); n > 0 {
		at := func(p int) time.Duration { return st.Waits[min(n-1, n*p/100)].Round(time.Second) }
		row("from queued to in progress: 50 / 90 / 99 %", "%s / %s / %s", at(50), at(90), at(99))
	}
	row("everything at rest after the last fresh job, at the latest", "%s", st.Rest.Round(time.Second))
	s.recovered()
	fmt.Printf("\n| machines that never ran a job, because | |\n|---|---|\n")
	for _, why := range slices.Sorted(maps.Keys(st.IdleBy)) {
		row(why, "%d", st.IdleBy[why])
	}
	fmt.Printf("\n| fault | times |\n|---|---|\n")
	for _, f := range slices.Sorted(maps.Keys(st.Faults)) {
		row(string(f), "%d", st.Faults[f])
	}
}

// recovered tells how long it took to make good what faults had spoiled, against the protocol's bounds.
func (s *summary) recovered() {
	fmt.Printf("\n| made good | bound | where all else works: times, 50 / 99 %%, longest | amid other faults |\n|---|---|---|---|\n")
	tell := func(d simulate.Spread) string {
		if d.N() == 0 {
			return "0"
		}
		return fmt.Sprintf("%d, %s / %s, %s", d.N(), d.Within(50).Round(time.Second), d.Within(99).Round(time.Second), d.Longest.Round(time.Second))
	}
	for _, r := range s.stats.Recovered() {
		fmt.Printf("| %s (%s) | %s | %s | %s |\n", r.What, r.Rule, r.Bound, tell(r.Steady), tell(r.Others))
	}
}

func (s *summary) byInvariant() string {
	if s.violated == 0 {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(s.violations)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, s.violations[name]))
	}
	return ": " + strings.Join(parts, ", ")
}
