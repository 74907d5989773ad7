package pool_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/pool"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// now is a Monday.
var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

const idle = 30 * time.Minute

// of returns a pool of a size, with further windows, whose max is 20.
func of(running, stopped int, windows ...schedule.Window) pool.Pool {
	return pool.Pool{
		Pool:     fleet.Pool{Name: "p", Spec: fleet.Spec{CPU: fleet.Range{Min: 2}}, Max: 20, IdleTimeout: idle},
		Schedule: schedule.New(time.UTC, schedule.Size{Running: running, Stopped: stopped}, windows),
	}
}

// window is one in which so many shall run.
func window(start, end string, running int) schedule.Window {
	from, _ := schedule.ParseClock(start)
	to, _ := schedule.ParseClock(end)
	return schedule.Window{Start: from, End: to, Running: &running}
}

func most(p pool.Pool, n int) pool.Pool {
	p.Max = n
	return p
}

// machines returns n of a state that have been in it for a time, and were launched ten minutes earlier.
func machines(n int, state fleet.MachineState, since time.Duration, changes ...func(*pool.Machine)) []pool.Machine {
	out := make([]pool.Machine, n)
	for i := range out {
		at := now.Add(-since)
		out[i] = pool.Machine{
			ID: fmt.Sprintf("%s%d", state, i), State: state, Since: at, Begun: at.Add(-10 * time.Minute), Idle: at, Revision: of(0, 0).Revision(),
		}
		for _, change := range changes {
			change(&out[i])
		}
	}
	return out
}

func old(m *pool.Machine)  { m.Revision = "former"; m.ID = "old-" + m.ID }
func bank(m *pool.Machine) { m.Bank = true; m.ID = "bank-" + m.ID }
func begun(d time.Duration) func(*pool.Machine) {
	return func(m *pool.Machine) { m.Begun = now.Add(-d) }
}

// seen is an observation with room.
func seen(ms ...[]pool.Machine) pool.Observation {
	o := pool.Observation{Room: 1000}
	for _, m := range ms {
		o.Machines = append(o.Machines, m...)
	}
	return o
}

func with(o pool.Observation, change func(*pool.Observation)) pool.Observation {
	change(&o)
	return o
}

// did writes actions shortly.
func did(p pool.Plan) []string {
	var out []string
	for _, a := range p.Actions {
		switch {
		case a.Count == 0:
			out = append(out, fmt.Sprintf("%s %s", a.Kind, a.Machine))
		case a.Bank:
			out = append(out, fmt.Sprintf("%s %d to stop", a.Kind, a.Count))
		default:
			out = append(out, fmt.Sprintf("%s %d", a.Kind, a.Count))
		}
	}
	return out
}

func TestMake(t *testing.T) {
	const (
		ready, starting   = fleet.MachineReady, fleet.MachineStarting
		stopped, stopping = fleet.MachineStopped, fleet.MachineStopping
	)
	hour := 2 * time.Hour
	soon := window("12:01", "18:00", 10) // sooner than a machine boots
	later := window("12:30", "18:00", 10)
	tests := []struct {
		name string
		pool pool.Pool
		seen pool.Observation
		want []string
	}{
		{"nothing is there", of(3, 2), seen(), []string{"create 3", "create 2 to stop"}},
		{"what is right stays", of(3, 2), seen(machines(3, ready, hour), machines(2, stopped, hour)), nil},
		// failure mode E5: what is on its way counts.
		{"starting and outstanding ones count", of(3, 2), with(seen(machines(1, starting, 0)), func(o *pool.Observation) { o.Outstanding = 4 }), nil},
		{"stopping ones count", of(0, 2), seen(machines(2, stopping, 0)), nil},
		{"one was taken", of(3, 0), seen(machines(2, ready, hour)), []string{"create 1"}},
		{"a stopped one does for one that was taken, and is replaced", of(3, 2), seen(machines(2, ready, hour), machines(2, stopped, hour)), []string{"start stopped1", "create 1 to stop"}},
		{"launched to be stopped", of(1, 2), seen(machines(1, ready, hour), machines(2, ready, 0, bank)), []string{"stop bank-ready0", "stop bank-ready1"}},
		// failure mode E4
		{"launched to be stopped, in the grace of its boot", of(0, 1), seen(machines(1, ready, 0, bank, begun(time.Minute))), nil},
		{"too many, but not idle for long enough", of(1, 0), seen(machines(3, ready, 29*time.Minute)), nil},
		{"too many, and idle for long enough", of(1, 0), seen(machines(3, ready, idle)), []string{"terminate ready0", "terminate ready1"}},
		{"too many, and some are to be stopped", of(1, 1), seen(machines(3, ready, idle)), []string{"stop ready0", "terminate ready1"}},
		{"too many are stopped", of(0, 1), seen(machines(3, stopped, idle)), []string{"terminate stopped0", "terminate stopped1"}},
		{"too many are stopped, but not for long enough", of(0, 1), seen(machines(3, stopped, idle-1)), nil},
		// failure modes E2, E3: what works is never touched, however many are too many.
		{
			"taken ones are not touched", of(0, 0),
			seen(machines(2, fleet.MachineAssigned, hour), machines(2, fleet.MachineListening, hour), machines(2, fleet.MachineWorking, hour), machines(1, starting, hour), machines(1, stopping, hour)), nil,
		},
		// failure mode: a pool of 40 grew to 300 because max was ignored
		{"max holds", most(of(10, 0), 4), seen(machines(1, ready, hour)), []string{"create 3"}},
		{"max holds when some are still ending", most(of(4, 0), 4), seen(machines(3, fleet.MachineRetiring, 0)), []string{"create 1"}},
		{"max holds when some are outstanding", most(of(4, 0), 4), with(seen(machines(3, fleet.MachineWorking, 0)), func(o *pool.Observation) { o.Outstanding = 1 }), nil},
		{"max gives running ones the preference", most(of(3, 10), 5), seen(), []string{"create 3", "create 2 to stop"}},
		{"max was lowered: what is idle goes", most(of(10, 0), 4), seen(machines(6, ready, idle)), []string{"terminate ready0", "terminate ready1"}},
		// failure modes: Part 4, 11; GitLab 38326
		{"waiting jobs come before refilling", of(5, 0), with(seen(), func(o *pool.Observation) { o.Room, o.Waiting = 6, 4 }), []string{"create 2"}},
		{"waiting jobs come before starting", of(2, 0), with(seen(machines(2, stopped, hour)), func(o *pool.Observation) { o.Room, o.Waiting = 5, 4 }), []string{"start stopped1"}},
		{"more jobs wait than there is room", of(5, 0), with(seen(), func(o *pool.Observation) { o.Room, o.Waiting = 1, 4 }), nil},
		{"nothing may be launched", of(5, 0), with(seen(), func(o *pool.Observation) { o.Resting = "the market rests" }), nil},
		{"at most a launch's places at a time", most(of(200, 0), 500), seen(), []string{"create 90"}},
		{"a window is near: what must be created is, what is stopped boots faster", of(1, 2, soon), seen(machines(1, ready, hour), machines(2, stopped, hour)), []string{"create 7", "create 2 to stop"}},
		{"a window is far", of(1, 2, later), seen(machines(1, ready, hour), machines(2, stopped, hour)), nil},
		{"a window is over: not idle for long enough", of(1, 0, window("08:00", "12:00", 10)), seen(machines(10, ready, 20*time.Minute)), nil},
		{"a window is over, and the next is near", of(1, 0, window("08:00", "12:00", 10), window("12:10", "18:00", 10)), seen(machines(10, ready, hour)), nil},
		{"stopped ones that will run soon are kept", of(0, 0, window("12:10", "18:00", 2)), seen(machines(2, stopped, hour)), nil},
		// failure mode D14: a stopped machine keeps the image it was made with.
		{"a stopped one of a former configuration is replaced first, then ended", of(0, 2), seen(machines(2, stopped, hour, old)), []string{"replace 1 to stop"}},
		{"its replacement is stopped beside it", of(0, 2), seen(machines(2, stopped, hour, old), machines(1, ready, 0, bank)), []string{"stop bank-ready0"}},
		{"and then it ends", of(0, 2), seen(machines(2, stopped, hour, old), machines(1, stopped, 0)), []string{"terminate old-stopped0"}},
		{"a running one of a former configuration is replaced", of(2, 0), seen(machines(2, ready, 0, old)), []string{"replace 1"}},
		{"one replacement at a time in a small pool", of(2, 0), seen(machines(2, ready, 0, old), machines(1, starting, 0)), nil},
		{"the replacement is ready", of(2, 0), seen(machines(2, ready, 0, old), machines(1, ready, 0)), []string{"terminate old-ready0"}},
		{"three replacements at a time in a pool of thirty", most(of(30, 0), 90), seen(machines(30, ready, 0, old)), []string{"replace 3"}},
		{"max leaves no place: one goes first", most(of(2, 0), 2), seen(machines(2, ready, hour, old)), []string{"terminate old-ready0"}},
		{"max leaves no place: the next waits", most(of(2, 0), 2), seen(machines(1, ready, hour, old), machines(1, starting, 0)), nil},
		{"a taken one of a former configuration is a job's", of(1, 0), seen(machines(1, ready, hour), machines(3, fleet.MachineWorking, 0, old)), nil},
		{"replacing waits until nothing is missing", of(3, 0), seen(machines(2, ready, hour, old)), []string{"create 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := pool.Make(tt.pool, tt.seen, pool.Boots{}, pool.DefaultLimits(), now)
			if diff := cmp.Diff(tt.want, did(plan)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			for _, a := range plan.Actions {
				if !strings.HasSuffix(a.Reason, ".") || len(a.Reason) < 10 {
					t.Errorf("%s has no reason that can be read: %q", a.Kind, a.Reason)
				}
			}
		})
	}
}

func TestReasonsAndLimits(t *testing.T) {
	plan := pool.Make(of(1, 0, window("12:01", "18:00", 4)), seen(machines(1, fleet.MachineReady, time.Hour)), pool.Boots{}, pool.DefaultLimits(), now)
	if got := plan.Actions[0].Reason; got != "4 shall run soon, and 1 do or will." {
		t.Errorf("the reason is %q", got)
	}
	for want, o := range map[string]pool.Observation{
		"the pool has 20 machines, and its max is 20": seen(machines(20, fleet.MachineWorking, 0)),

		"the market rests":                           {Resting: "the market rests", Room: 5},
		"there is no more room, or jobs wait for it": {Room: 3, Waiting: 3},
	} {
		if plan := pool.Make(of(4, 0), o, pool.Boots{}, pool.DefaultLimits(), now); plan.Limit != want {
			t.Errorf("the limit is %q, want %q", plan.Limit, want)
		}
	}
}

func TestTheLeadFollowsTheMeasuredBootTimes(t *testing.T) {
	seconds := func(from, to int) pool.Times {
		var ds []time.Duration
		for s := to; s >= from; s-- {
			ds = append(ds, time.Duration(s)*time.Second)
		}
		return pool.NewTimes(ds)
	}
	hundred := seconds(1, 100)
	for n, want := range map[int]int{1: 50, 2: 75, 5: 90, 10: 95, 50: 99, 100: 100, 1000: 100, 0: 50} {
		if got := hundred.For(n, 0); got != time.Duration(want)*time.Second {
			t.Errorf("for %d machines the lead is %s, want %ds", n, got, want)
		}
	}
	if got := (pool.Times{}).For(5, pool.AssumedCreate); got != pool.AssumedCreate {
		t.Errorf("without measurements the lead is %s", got)
	}
	// Ten machines at one o'clock: at their lead and not before.
	p, boots := of(0, 0, window("13:00", "14:00", 10)), pool.Boots{Create: hundred}
	opens := time.Date(2026, 11, 30, 13, 0, 0, 0, time.UTC)
	before := pool.Make(p, seen(), boots, pool.DefaultLimits(), opens.Add(-95*time.Second-1))
	if len(before.Actions) > 0 || !before.Next.Equal(opens.Add(-95*time.Second)) {
		t.Errorf("before its lead: %v, next %s", did(before), before.Next)
	}
	if at := pool.Make(p, seen(), boots, pool.DefaultLimits(), before.Next); !cmp.Equal(did(at), []string{"create 10"}) {
		t.Errorf("at its lead: %v", did(at))
	}
	// Two hundred take three launches.
	p = most(of(0, 0, window("13:00", "14:00", 200)), 300)
	early := opens.Add(-100*time.Second - 2*pool.DefaultLimits().Pass)
	if at := pool.Make(p, seen(), boots, pool.DefaultLimits(), early); !cmp.Equal(did(at), []string{"create 90"}) {
		t.Errorf("two hundred, at their lead: %v", did(at))
	}
}

func TestNextIsWhenSomethingChangesByItself(t *testing.T) {
	for _, tt := range []struct {
		name string
		pool pool.Pool
		seen pool.Observation
		in   time.Duration
	}{
		{"an idle timeout", of(0, 0), seen(machines(1, fleet.MachineReady, 10*time.Minute)), 20 * time.Minute},
		{"the grace of a boot", of(0, 1), seen(machines(1, fleet.MachineReady, 0, bank, begun(time.Minute))), 2 * time.Minute},
		{"the end of a window", of(0, 0, window("11:00", "12:02", 1)), seen(machines(1, fleet.MachineReady, time.Hour)), 2 * time.Minute},
		{"never", of(0, 0), seen(), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := pool.Make(tt.pool, tt.seen, pool.Boots{}, pool.DefaultLimits(), now)
			if len(plan.Actions) > 0 {
				t.Fatalf("it acts: %v", did(plan))
			}
			if want := now.Add(tt.in); tt.in != 0 && !plan.Next.Equal(want) || tt.in == 0 && !plan.Next.IsZero() {
				t.Errorf("next is %s, want %s later than %s", plan.Next, tt.in, now)
			}
		})
	}
}
