package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

func sec(n int) time.Time { return time.Unix(int64(1_700_000_000+n), 0).UTC() }

func machineID(n int) fleet.MachineID {
	return fleet.MachineID{Site: fleet.Site{Environment: "default", Region: "r"}, ID: fmt.Sprintf("m%02d", n)}
}

func queued(id int64, d fleet.DemandKey, since int) record.QueuedEntry {
	return record.QueuedEntry{Job: fleet.JobID{ID: id}, Demand: d, Queued: sec(since)}
}

func counted(n int, s fleet.MachineState, d fleet.DemandKey) fleet.Count {
	return fleet.Count{ID: machineID(n), Shape: "s", State: s, Demand: d, Lease: sec(1000), BootUntil: sec(1000), Launched: sec(n)}
}

func at100(f func(*situation)) situation {
	s := situation{
		View: record.View{Head: record.Kept[record.Head]{V: record.Head{Key: "s"}, Version: 1}},
		Now:  sec(100), Free: 1000, Paced: 1000,
	}
	f(&s)
	return s
}

func TestDecide(t *testing.T) { // failure modes E5, N14, N27
	worker := counted(1, fleet.MachineWorking, "d")
	worker.Worker = true
	tests := []struct {
		name   string
		s      situation
		launch int
		assign []assignment
		retire int
		limit  bool
	}{
		{"nothing", at100(func(*situation) {}), 0, nil, 0, false},
		{"rule 1.7: one machine for each queued job", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1), queued(2, "d", 2), queued(3, "e", 3)}
		}), 3, nil, 0, false},
		{"rule 1.7: starting machines cover", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1), queued(2, "e", 2)}
			s.View.Machines = []fleet.Count{counted(1, fleet.MachineStarting, "")}
		}), 1, nil, 0, false},
		{"rule 1.7: a starting machine beyond its boot time does not", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1)}
			m := counted(1, fleet.MachineStarting, "")
			m.BootUntil = sec(100)
			s.View.Machines = []fleet.Count{m}
		}), 1, nil, 0, false},
		{"rule 1.6: outstanding places cover", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1), queued(2, "d", 2)}
			s.View.Launches = []record.LaunchEntry{{ID: "l", Outstanding: 2, Created: sec(90)}}
		}), 0, nil, 0, false},
		{"rule 1.6: of two unanswered launches the oldest no longer counts", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1), queued(2, "d", 2), queued(3, "d", 3)}
			s.View.Launches = []record.LaunchEntry{{ID: "b", Outstanding: 1, Created: sec(39)}, {ID: "a", Outstanding: 2, Created: sec(30)}}
		}), 2, nil, 0, false},
		{"rule 4.1: a ready machine goes to the oldest job", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(2, "e", 1), queued(1, "d", 5)}
			s.View.Machines = []fleet.Count{counted(1, fleet.MachineReady, "")}
		}), 1, []assignment{{machineID(1), "e"}}, 0, false},
		{"rule 1.2: need is net of machines held", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1), queued(2, "d", 2)}
			s.View.Machines = []fleet.Count{counted(1, fleet.MachineListening, "d"), counted(2, fleet.MachineReady, "")}
		}), 0, []assignment{{machineID(2), "d"}}, 0, false},
		{"rule 1.3: an unattributed worker is held", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1)}
			s.View.Machines = []fleet.Count{worker}
		}), 0, nil, 0, false},
		{"rule 5.7: jobs that back off do not count", at100(func(s *situation) {
			e := queued(1, "d", 1)
			e.BackoffUntil = sec(200)
			s.View.Jobs = []record.QueuedEntry{e, queued(2, "d", 2)}
		}), 1, nil, 0, false},
		{"rule 4.6: a refused demand has no need", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1)}
			s.View.Head.V.Refused = map[fleet.DemandKey]time.Time{"d": sec(200)}
		}), 0, nil, 0, false},
		{"rule 1.9: an entry of a demand that moved is moved, not counted", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1)}
			s.View.Head.V.Moved = map[fleet.DemandKey]fleet.ShapeKey{"d": "other"}
		}), 0, nil, 0, false},
		{"rule 1.10: surplus for less than 60 s stays", at100(func(s *situation) {
			s.View.Machines = []fleet.Count{counted(1, fleet.MachineReady, "")}
			s.View.Head.V.Surplus = map[string]time.Time{machineID(1).String(): sec(41)}
		}), 0, nil, 0, false},
		{"rule 1.10: surplus for 60 s is retired", at100(func(s *situation) {
			s.View.Machines = []fleet.Count{counted(1, fleet.MachineReady, ""), counted(2, fleet.MachineListening, "d")}
			s.View.Head.V.Surplus = map[string]time.Time{machineID(1).String(): sec(40), machineID(2).String(): sec(30)}
		}), 0, nil, 2, false},
		{"rule 1.8: bounded by max_runners", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1), queued(2, "d", 2), queued(3, "d", 3)}
			s.MaxRunners, s.Live = 10, 8
		}), 2, nil, 0, true},
		{"never a negative launch", at100(func(s *situation) { // failure mode M13
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1)}
			s.MaxRunners, s.Live, s.Free = 10, 12, -3
		}), 0, nil, 0, true},
		{"rule 1.8: older jobs of other shapes go first", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1)}
			s.Free, s.OlderWant = 2, 2
		}), 0, nil, 0, true},
		{"rule 1.12: at most 90 machines a launch", at100(func(s *situation) {
			for i := range int64(200) {
				s.View.Jobs = append(s.View.Jobs, queued(i, "d", int(i)))
			}
		}), 90, nil, 0, false},
		{"rule 1.12: what one launch cannot hold is several, as far as the decision may", at100(func(s *situation) {
			for i := range int64(200) {
				s.View.Jobs = append(s.View.Jobs, queued(i, "d", int(i)))
			}
			s.Launches = 4
		}), 200, nil, 0, false},
		{"rule 2.1: while jobs are gathered, full launches only", at100(func(s *situation) {
			for i := range int64(200) {
				s.View.Jobs = append(s.View.Jobs, queued(i, "d", int(i)))
			}
			s.Launches, s.Whole = 4, true
		}), 180, nil, 0, false},
		{"rule 2.1: while jobs are gathered, no launch that another job fits into", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1)}
			s.Whole = true
		}), 0, nil, 0, false},
		{"draining launches nothing", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1)}
			s.Draining = true
		}), 0, nil, 0, true},
		{"rule 2.6: a resting market launches nothing", at100(func(s *situation) {
			s.View.Jobs = []record.QueuedEntry{queued(1, "d", 1)}
			s.Resting = "no capacity"
		}), 0, nil, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(tt.s)
			if d.Launch != tt.launch || len(d.Retire) != tt.retire || (d.Limit != "") != tt.limit {
				t.Errorf("launch %d, retire %d, limit %q; want %d, %d, limit %v", d.Launch, len(d.Retire), d.Limit, tt.launch, tt.retire, tt.limit)
			}
			if diff := cmp.Diff(tt.assign, d.Assign); diff != "" {
				t.Errorf("assignments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecideProperties(t *testing.T) { // failure modes E1, M9, M13, N15, O8
	states := []fleet.MachineState{fleet.MachineStarting, fleet.MachineReady, fleet.MachineAssigned, fleet.MachineListening, fleet.MachineWorking}
	demands := []fleet.DemandKey{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		s := at100(func(s *situation) {
			for i := range rapid.IntRange(0, 12).Draw(t, "jobs") {
				s.View.Jobs = append(s.View.Jobs, queued(int64(i), rapid.SampledFrom(demands).Draw(t, "demand"), i))
			}
			for i := range rapid.IntRange(0, 12).Draw(t, "machines") {
				m := counted(i, rapid.SampledFrom(states).Draw(t, "state"), "")
				if m.State != fleet.MachineStarting && m.State != fleet.MachineReady {
					m.Demand = rapid.SampledFrom(demands).Draw(t, "held for")
					m.Worker = m.State == fleet.MachineWorking
				}
				s.View.Machines = append(s.View.Machines, m)
			}
			s.View.Head.V.Surplus = map[string]time.Time{} // for so long that whatever is surplus is retired
			for _, m := range s.View.Machines {
				s.View.Head.V.Surplus[m.ID.String()] = sec(0)
			}
			s.Free, s.MaxRunners, s.Live = rapid.IntRange(-2, 12).Draw(t, "free"), rapid.IntRange(0, 20).Draw(t, "max"), rapid.IntRange(0, 20).Draw(t, "live")
		})
		d := decide(s)
		supply := d.Launch
		for _, m := range s.View.Machines {
			if m.Supplies(s.Now) {
				supply++
			}
		}
		need := map[fleet.DemandKey]int{}
		for _, j := range s.View.Jobs {
			need[j.Demand]++
		}
		for _, m := range s.View.Machines {
			if h := m.HeldFor(s.Now); h != "" {
				need[h]--
			}
		}
		total := 0
		for _, n := range need {
			total += max(0, n)
		}
		if d.Launch > 0 && supply > total {
			t.Fatalf("launches %d although that makes a supply of %d for a need of %d", d.Launch, supply, total)
		}
		if d.Launch < 0 || d.Launch > max(0, s.Free) || s.MaxRunners > 0 && d.Launch > max(0, s.MaxRunners-s.Live) {
			t.Fatalf("launches %d beyond a limit", d.Launch)
		}
		if d.Launch < max(0, total-(supply-d.Launch)) && d.Limit == "" {
			t.Fatalf("launches %d of %d needed and names no limit", d.Launch, total)
		}
		for _, a := range d.Assign {
			if need[a.Demand]--; need[a.Demand] < 0 {
				t.Fatalf("assigns %s to %s, which has enough", a.Machine, a.Demand)
			}
		}
		for _, r := range d.Retire { // failure mode E2
			if i := slices.IndexFunc(s.View.Machines, func(m fleet.Count) bool { return m.ID == r.Machine }); s.View.Machines[i].Worker {
				t.Fatalf("retires %s, which works", r.Machine)
			}
		}
		again := decide(s)
		if diff := cmp.Diff(d, again); diff != "" {
			t.Fatalf("the same situation was decided differently:\n%s", diff)
		}
	})
}
