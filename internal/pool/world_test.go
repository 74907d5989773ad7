package pool_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/pool"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// fatal is what a test is needed for.
type fatal interface {
	Fatalf(format string, args ...any)
}

// world carries plans out: launches answer late or not at all, boots take their time or fail, jobs take machines, and somebody
// may have changed what was observed before a plan is carried out on it.
type world struct {
	t        fatal
	draw     *rapid.T // for what may fail; nil in a world without faults
	now      time.Time
	pool     pool.Pool
	limits   pool.Limits
	room     int
	machines []*machine
	launches []launch
	made     int
	version  uint64
}

type machine struct {
	pool.Machine
	until time.Time // of what it is doing
	fails bool
}

type launch struct {
	places   int
	answers  time.Time
	revision string
	bank     bool
}

const bootTime, stopTime = 40 * time.Second, 20 * time.Second

func (w *world) observe() pool.Observation {
	w.version++
	o := pool.Observation{Version: w.version, Room: max(0, w.room-w.running())}
	for _, m := range w.machines {
		o.Machines = append(o.Machines, m.Machine)
	}
	for _, l := range w.launches {
		o.Outstanding += l.places
	}
	return o
}

func (w *world) running() int {
	n := 0
	for _, m := range w.machines {
		if m.State != fleet.MachineStopped {
			n++
		}
	}
	return n
}

// poolSize is what counts for max: what no job has taken.
func (w *world) poolSize() int {
	n := 0
	for _, m := range w.machines {
		if m.State != fleet.MachineWorking {
			n++
		}
	}
	for _, l := range w.launches {
		n += l.places
	}
	return n
}

func (w *world) to(m *machine, s fleet.MachineState, d time.Duration) {
	m.State, m.Since, m.until = s, w.now, w.now.Add(d)
}

// step lets time pass.
func (w *world) step(d time.Duration, faulty bool) {
	w.now = w.now.Add(d)
	var open []launch
	for _, l := range w.launches {
		if w.now.Before(l.answers) {
			open = append(open, l)
			continue
		}
		for range l.places {
			if faulty && rapid.IntRange(0, 9).Draw(w.draw, "place fails") == 0 {
				continue
			}
			w.made++
			m := &machine{Machine: pool.Machine{ID: fmt.Sprintf("m%05d", w.made), Begun: w.now, Revision: l.revision, Bank: l.bank}}
			m.fails = faulty && rapid.IntRange(0, 9).Draw(w.draw, "boot fails") == 0
			w.to(m, fleet.MachineStarting, bootTime)
			w.machines = append(w.machines, m)
		}
	}
	w.launches = open
	var left []*machine
	for _, m := range w.machines {
		if w.now.Before(m.until) {
			left = append(left, m)
			continue
		}
		switch m.State {
		case fleet.MachineStarting:
			if m.fails {
				continue
			}
			w.to(m, fleet.MachineReady, 0)
			if m.Idle.IsZero() {
				m.Idle = w.now
			}
		case fleet.MachineStopping:
			w.to(m, fleet.MachineStopped, 0)
		case fleet.MachineRetiring, fleet.MachineWorking:
			continue
		default:
		}
		left = append(left, m)
	}
	w.machines = left
}

// take gives ready or stopped machines to jobs.
func (w *world) take(n int) {
	for _, m := range w.machines {
		if n > 0 && (m.State == fleet.MachineReady || m.State == fleet.MachineStopped) {
			w.to(m, fleet.MachineWorking, 3*time.Minute)
			n--
		}
	}
}

// carryOut does what the plan says, as the conditional writes of a store would: what is no longer as it was observed is left
// alone.
func (w *world) carryOut(p pool.Plan, o pool.Observation) {
	was := map[string]pool.Machine{}
	for _, m := range o.Machines {
		was[m.ID] = m
	}
	is := map[string]*machine{}
	for _, m := range w.machines {
		is[m.ID] = m
	}
	created, stopped, started, ended := 0, 0, 0, 0
	for _, a := range p.Actions {
		before := was[a.Machine]
		switch a.Kind {
		case pool.Create, pool.Replace:
			created += a.Count
			w.launches = append(w.launches, launch{places: a.Count, answers: w.now.Add(2 * time.Second), revision: w.pool.Revision(), bank: a.Bank})
			continue
		case pool.Start:
			started++
			w.check(before.State == fleet.MachineStopped, "%s was %s when it was to be started", a.Machine, before.State)
		case pool.Stop:
			stopped++
			w.check(before.State == fleet.MachineReady, "%s was %s when it was to be stopped", a.Machine, before.State)
			w.check(w.now.Sub(before.Begun) >= w.limits.Grace, "%s was stopped in the grace of its boot", a.Machine)
		case pool.Terminate:
			ended++
			w.check(before.State == fleet.MachineReady || before.State == fleet.MachineStopped, "%s was %s when it was to be ended", a.Machine, before.State)
			stale := before.Revision != w.pool.Revision()
			w.check(stale || w.now.Sub(before.Idle) >= w.pool.IdleTimeout, "%s was ended before it was idle for long enough", a.Machine)
		}
		m := is[a.Machine]
		if m == nil || m.State != before.State || !m.Since.Equal(before.Since) {
			continue // another was faster
		}
		switch a.Kind {
		case pool.Start:
			m.Begun = w.now
			w.to(m, fleet.MachineStarting, bootTime/2)
		case pool.Stop:
			w.to(m, fleet.MachineStopping, stopTime)
		default:
			w.to(m, fleet.MachineRetiring, 10*time.Second)
		}
	}
	l := w.limits
	w.check(created <= l.Create && stopped <= l.Stop && started <= l.Start && ended <= l.Terminate, "too much at a time: %+v", p.Actions)
}

func (w *world) check(ok bool, format string, a ...any) {
	if !ok {
		w.t.Fatalf(format, a...)
	}
}

func drawPool(t *rapid.T) pool.Pool {
	var windows []schedule.Window
	for range rapid.IntRange(0, 3).Draw(t, "windows") {
		running, stopped := rapid.IntRange(0, 12).Draw(t, "window running"), rapid.IntRange(0, 12).Draw(t, "window stopped")
		windows = append(windows, schedule.Window{
			Start: schedule.Clock(rapid.IntRange(0, 1439).Draw(t, "start")), End: schedule.Clock(rapid.IntRange(0, 1439).Draw(t, "end")),
			Running: &running, Stopped: &stopped,
		})
	}
	p := of(rapid.IntRange(0, 12).Draw(t, "running"), rapid.IntRange(0, 12).Draw(t, "stopped"), windows...)
	p.Max = rapid.IntRange(1, 25).Draw(t, "max")
	p.IdleTimeout = time.Duration(rapid.IntRange(0, 20).Draw(t, "idle timeout")) * time.Minute
	return p
}

// TestWhateverHappens runs pools through the worst: max is never exceeded, nothing that works is touched, and once it is
// quiet there is what the schedule says, and nothing goes on.
func TestWhateverHappens(t *testing.T) { // failure modes E1, E2, E3, E5, E13
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, draw: t, now: now, pool: drawPool(t), limits: pool.DefaultLimits(), room: 1000}
		w.limits.Grace = time.Minute
		boots := pool.Boots{Create: pool.Times{bootTime}, Start: pool.Times{bootTime / 2}, Stop: pool.Times{stopTime}}
		for range rapid.IntRange(0, 150).Draw(t, "rounds") {
			switch rapid.IntRange(0, 19).Draw(t, "event") {
			case 0:
				w.take(rapid.IntRange(1, 8).Draw(t, "taken"))
			case 1:
				w.pool.Spec.CPU.Min = rapid.IntRange(1, 3).Draw(t, "cpu") // another revision
			case 2:
				w.room = rapid.IntRange(0, 40).Draw(t, "room")
			default:
			}
			o := w.observe()
			plan := pool.Make(w.pool, o, boots, w.limits, w.now)
			before := w.poolSize()
			if rapid.IntRange(0, 4).Draw(t, "somebody was faster") == 0 {
				w.take(2)
			}
			w.carryOut(plan, o)
			w.check(w.poolSize() <= max(before, w.pool.Max), "%d machines, max is %d", w.poolSize(), w.pool.Max)
			w.step(time.Duration(rapid.IntRange(1, 30).Draw(t, "seconds"))*time.Second, true)
		}
		w.room = 1000
		w.settles(boots)
	})
}

// settles lets everything pass quietly under what the schedule says now, forever.
func (w *world) settles(boots pool.Boots) {
	size := w.pool.Schedule.At(w.now).Size
	w.pool.Schedule = schedule.New(time.UTC, size, nil)
	size.Running = min(size.Running, w.pool.Max)
	size.Stopped = min(size.Stopped, w.pool.Max-size.Running)
	const quiet = 20 // passes in a row
	for still, passes := 0, 0; still < quiet; passes++ {
		o := w.observe()
		plan := pool.Make(w.pool, o, boots, w.limits, w.now)
		w.carryOut(plan, o)
		w.check(w.poolSize() <= max(w.pool.Max, len(o.Machines)+o.Outstanding), "%d machines, max is %d", w.poolSize(), w.pool.Max)
		still++
		if len(plan.Actions) > 0 || len(w.launches) > 0 || !w.rests(size) {
			still = 0
		}
		w.check(passes < 2000, "it does not come to rest: %d machines, wanted %+v, max %d, the last plan %v", len(w.machines), size, w.pool.Max, plan.Actions)
		w.step(10*time.Second, false)
	}
}

// rests says whether there is what is wanted, of the present revision, and nothing else.
func (w *world) rests(size schedule.Size) bool {
	count := map[fleet.MachineState]int{}
	for _, m := range w.machines {
		count[m.State]++
		if m.Revision != w.pool.Revision() {
			return false
		}
	}
	return count[fleet.MachineReady] == size.Running && count[fleet.MachineStopped] == size.Stopped && len(w.machines) == size.Total()
}
