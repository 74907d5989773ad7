package pool_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/pool"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// TestOfficeHours lets days pass, with a weekend among them: the machines are ready when a window opens and gone some time after it has
// closed, and none is started that is stopped again at the window's edge.
func TestOfficeHours(t *testing.T) { // failure mode E13
	for _, size := range []struct{ day, night int }{{2, 0}, {5, 1}, {12, 2}} {
		day, night := size.day, size.night
		office := window("09:00", "18:30", day)
		office.Days = []time.Weekday{1, 2, 3, 4, 5}
		p := of(night, 3, office)
		friday := now.AddDate(0, 0, -3).Truncate(24 * time.Hour)
		w := &world{t: t, now: friday, pool: p, limits: pool.DefaultLimits(), room: 1000}
		boots := pool.Boots{Create: pool.Times{bootTime + 2*time.Second}, Start: pool.Times{bootTime / 2}, Stop: pool.Times{stopTime}}
		orders := map[string]int{}
		for w.now.Before(friday.AddDate(0, 0, 4)) {
			pass := 10 * time.Minute
			for _, edge := range []time.Duration{8*time.Hour + 30*time.Minute, 18*time.Hour + 20*time.Minute} {
				if at := w.now.Sub(w.now.Truncate(24 * time.Hour)); at >= edge && at < edge+time.Hour {
					pass = 5 * time.Second
				}
			}
			o := w.observe()
			plan := pool.Make(w.pool, o, boots, w.limits, w.now)
			for _, a := range plan.Actions {
				orders[a.Machine]++
			}
			w.carryOut(plan, o)
			w.step(pass, false)
			size, ready := p.Schedule.At(w.now).Size, w.count(fleet.MachineReady)
			// A pass, and a step of the world, are what a window may open late by.
			if p.Schedule.At(w.now.Add(-10*time.Second)).Size == size && w.now.Sub(friday) > time.Hour && ready < size.Running {
				t.Fatalf("at %s there are %d ready, %d shall be", w.now, ready, size.Running)
			}
			near := p.Schedule.Most(w.now.Add(-idle-20*time.Minute), w.now.Add(20*time.Minute))
			if most := near.Running + 3; ready > most {
				t.Fatalf("at %s there are %d ready, at most %d shall be", w.now, ready, most)
			}
		}
		for id, n := range orders {
			if most := 2*3 + 2; id != "" && n > most { // started in the morning and stopped in the evening
				t.Fatalf("%s was started and stopped %d times in four days", id, n)
			}
		}
	}
}

func (w *world) count(s fleet.MachineState) int {
	n := 0
	for _, m := range w.machines {
		if m.State == s {
			n++
		}
	}
	return n
}

// TestARolloutKeepsThePoolReady changes what machines are made of: there are never fewer ready than are wanted, and never
// more than a tenth beyond.
func TestARolloutKeepsThePoolReady(t *testing.T) { // failure mode D14
	rapid.Check(t, func(t *rapid.T) {
		p := most(of(rapid.IntRange(1, 20).Draw(t, "running"), rapid.IntRange(0, 20).Draw(t, "stopped")), 60)
		w := &world{t: t, now: now, pool: p, limits: pool.DefaultLimits(), room: 1000}
		boots := pool.Boots{Create: pool.Times{bootTime}, Start: pool.Times{bootTime / 2}, Stop: pool.Times{stopTime}}
		w.settles(boots)
		w.pool.Spec.CPU.Min++
		size := schedule.Size{Running: w.count(fleet.MachineReady), Stopped: w.count(fleet.MachineStopped)}
		for passes := 0; !w.rests(size); passes++ {
			o := w.observe()
			w.carryOut(pool.Make(w.pool, o, boots, w.limits, w.now), o)
			w.step(10*time.Second, false)
			w.check(w.count(fleet.MachineReady) >= size.Running, "only %d are ready, %d shall be", w.count(fleet.MachineReady), size.Running)
			w.check(w.count(fleet.MachineStopped) >= size.Stopped, "only %d are stopped, %d shall be", w.count(fleet.MachineStopped), size.Stopped)
			surge := max(1, (size.Total()+9)/10)
			live := len(w.machines) - w.count(fleet.MachineRetiring)
			w.check(live <= size.Total()+surge, "%d machines for %d places", live, size.Total())
			w.check(passes < 3000, "the rollout does not end")
		}
	})
}
