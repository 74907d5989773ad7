package pool_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/pool"
)

// fleetOf returns a planner with pools of a hundred machines, each of which has what it wants.
func fleetOf(pools int) *pool.Planner {
	p := pool.NewPlanner(pool.DefaultLimits())
	for i := range pools {
		name := fmt.Sprintf("pool-%04d", i)
		one := most(of(50, 50, window("08:00", "18:00", 50)), 120)
		one.Name = name
		p.Configure(one, pool.Boots{})
		p.Observe(name, full(1))
	}
	return p
}

func full(version uint64) pool.Observation {
	return with(seen(machines(50, fleet.MachineReady, time.Hour), machines(50, fleet.MachineStopped, time.Hour)), func(o *pool.Observation) { o.Version = version })
}

func taken(version uint64) pool.Observation {
	o := full(version)
	o.Machines = o.Machines[3:]
	return o
}

func names(ds []pool.Decision) []string {
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprintf("%s@%d: %v", d.Pool, d.Version, did(d.Plan)))
	}
	return out
}

func TestThePlannerDecidesOnceForEachObservation(t *testing.T) { // failure modes E1, E5
	p := fleetOf(3)
	if got := p.Pass(now); len(got) > 0 {
		t.Fatalf("pools that have what they want do %v", names(got))
	}
	p.Observe("pool-0001", taken(2))
	want := []string{"pool-0001@2: [start stopped9 start stopped8 start stopped7 create 3 to stop]"}
	if diff := cmp.Diff(want, names(p.Pass(now))); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
	p.Observe("pool-0001", taken(2)) // the same again
	for range 5 {
		if got := p.Pass(now.Add(time.Minute)); len(got) > 0 {
			t.Fatalf("the same observation is decided on again: %v", names(got))
		}
	}
	p.Observe("pool-0001", taken(3))
	if got := p.Pass(now.Add(time.Minute)); len(got) != 1 {
		t.Errorf("a new observation is decided on: %v", names(got))
	}
}

func TestThePlannerComesBackWhenTimePasses(t *testing.T) {
	p := pool.NewPlanner(pool.DefaultLimits())
	for name, o := range map[string]pool.Observation{
		"idle":    with(seen(machines(1, fleet.MachineReady, 10*time.Minute)), func(o *pool.Observation) { o.Version = 1 }),
		"never":   with(seen(), func(o *pool.Observation) { o.Version = 1 }),
		"removed": with(seen(machines(1, fleet.MachineReady, 10*time.Minute)), func(o *pool.Observation) { o.Version = 1 }),
	} {
		one := of(0, 0)
		one.Name = name
		p.Configure(one, pool.Boots{})
		p.Observe(name, o)
	}
	p.Observe("unknown", seen())
	if got := p.Pass(now); len(got) > 0 {
		t.Fatalf("too early: %v", names(got))
	}
	p.Remove("removed")
	p.Remove("unknown")
	if got := p.Pass(now.Add(20*time.Minute - 1)); len(got) > 0 {
		t.Fatalf("too early: %v", names(got))
	}
	if diff := cmp.Diff([]string{"idle@1: [terminate ready0]"}, names(p.Pass(now.Add(20*time.Minute)))); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

func TestAChangeOfOnePoolCostsThatPool(t *testing.T) {
	cost := func(pools int) float64 {
		p, version := fleetOf(pools), uint64(1)
		p.Pass(now)
		changes := []pool.Observation{taken(0), full(0)}
		return testing.AllocsPerRun(20, func() {
			version++
			o := changes[version%2]
			o.Version = version
			p.Observe("pool-0001", o)
			p.Pass(now)
		})
	}
	// The runtime allocates now and then too; a cost that followed the number of pools would be two hundred times as much.
	if few, many := cost(2), cost(500); many > 2*few {
		t.Errorf("a change of one pool takes %.0f allocations among 500 pools, and %.0f among two", many, few)
	}
}

func BenchmarkPass(b *testing.B) {
	p, version := fleetOf(1000), uint64(1)
	p.Pass(now)
	observed := []pool.Observation{taken(0), full(0)}
	b.ReportAllocs()
	for b.Loop() {
		version++
		o := observed[version%2]
		o.Version = version
		for i := range 1000 {
			p.Observe(fmt.Sprintf("pool-%04d", i), o)
		}
		p.Pass(now)
	}
}

func BenchmarkPassAfterAChangeOfOnePool(b *testing.B) {
	p, version := fleetOf(1000), uint64(1)
	p.Pass(now)
	observed := []pool.Observation{taken(0), full(0)}
	b.ReportAllocs()
	for b.Loop() {
		version++
		o := observed[version%2]
		o.Version = version
		p.Observe("pool-0500", o)
		p.Pass(now)
	}
}
