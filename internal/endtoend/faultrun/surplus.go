package faultrun

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// reasonSilent begins the reason of a retirement that the controller began because no agent renewed the lease (rule 3.5).
const reasonSilent = "its agent has not been heard of"

// surplusAtMost is the bound of BoundedSurplus, in percent of the machines launched; two machines are always allowed.
const surplusAtMost = 2

// Surplus is what became of machines that never ran a job.
type Surplus struct {
	Machines int
	Idle     int            // never ran a job
	By       map[string]int // of them, for reasons that section 9 does not count
	Left     []string       // of them, those that it counts, with what their rows say
}

// surplus judges BoundedSurplus.
func (w *world) surplus(ctx context.Context) (Surplus, error) {
	s := Surplus{By: map[string]int{}}
	ran := map[string]bool{}
	for _, j := range w.github.Jobs(0) {
		ran[instanceOf(j.RunnerName)] = true
	}
	w.judge.mu.Lock()
	excuses := maps.Clone(w.judge.excuses)
	w.judge.mu.Unlock()
	w.cloud.mu.Lock()
	ids := slices.Sorted(maps.Keys(w.cloud.machines))
	machines := maps.Clone(w.cloud.machines)
	calls := map[string]int{}
	for id, l := range w.cloud.launches {
		calls[id] = l.calls
	}
	w.cloud.mu.Unlock()
	s.Machines = len(ids)
	var bare []string
	for _, id := range ids {
		m := machines[id]
		if ran[id] || m.ran() {
			continue
		}
		s.Idle++
		row, err := w.records.Machine(ctx, fleet.MachineID{Site: m.inst.Site, ID: id})
		if err != nil {
			return s, fmt.Errorf("reading machine %s: %w", id, err)
		}
		if why := own(m, row.V, calls[m.inst.LaunchID]); why != "" {
			s.By[why]++
			continue
		}
		bare = append(bare, id+" ("+story(row.V)+")")
	}
	for _, text := range bare {
		why := ""
		for _, w := range slices.Sorted(maps.Keys(excuses)) {
			if excuses[w] > 0 {
				why = w
				break
			}
		}
		if why == "" {
			s.Left = append(s.Left, text)
			continue
		}
		excuses[why]--
		s.By[why]++
	}
	if len(s.Left) > max(2, s.Machines*surplusAtMost/100) {
		w.judge.violated("BoundedSurplus", "%d of %d machines never ran a job, and nothing excuses %d of them: %s", s.Idle, s.Machines, len(s.Left),
			strings.Join(s.Left, "; "))
	}
	return s, nil
}

func (m *machine) ran() bool {
	if m.listener == nil {
		return false
	}
	_, ever, _, _ := m.listener.state()
	return ever
}

// own is a machine's own reason for never having run a job; empty if it has none.
func own(m *machine, row fleet.Machine, calls int) string {
	given, refused := false, false
	if m.listener != nil {
		_, _, given, refused = m.listener.state()
	}
	switch {
	case m.fault != "":
		return "its agent was " + m.fault
	case given:
		return "GitHub gave it a job that it did not get"
	case refused:
		return "its registration was gone when it connected"
	case len(row.Runners) > 1:
		return "its registrations failed"
	case row.Retire != nil && strings.HasPrefix(row.Retire.Reason, reasonSilent):
		return "it lost its lease"
	case calls > 1:
		return "no answer told of it in time"
	default:
		return ""
	}
}

// story is what the row says of a machine's life.
func story(m fleet.Machine) string {
	var out []string
	if m.Retire != nil {
		out = append(out, m.Retire.Reason)
	}
	for _, e := range m.History {
		out = append(out, e.At.UTC().Format("15:04:05")+" "+e.Kind+" "+e.Text)
	}
	return strings.Join(out, ", ")
}
