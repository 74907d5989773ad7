package controller_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/pool"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// warm is a pool that keeps so many machines ready.
func warm(name string, running int) pool.Pool {
	return pool.Pool{
		Pool: fleet.Pool{
			Name: name, Environment: fleet.DefaultEnvironment, Max: running + 2, IdleTimeout: 10 * time.Minute,
			Spec: fleet.Spec{CPU: fleet.Range{Min: 2, Max: 4}, OS: fleet.Linux, Archs: []fleet.Arch{fleet.AMD64}, Market: fleet.OnDemand},
		},
		Schedule: schedule.New(time.UTC, schedule.Size{Running: running}, nil),
	}
}

// withPools runs f beside a controller whose pools may be changed, once they have what they want.
func withPools(t *testing.T, pools []pool.Pool, change func(*controller.Config), f func(w *world, set func(...pool.Pool))) {
	t.Helper()
	var configured atomic.Pointer[[]pool.Pool]
	configured.Store(&pools)
	inWorld(t, func(c *controller.Config) {
		c.Pools = func() []pool.Pool { return *configured.Load() }
		c.PoolLimits = pool.DefaultLimits()
		c.PoolLimits.Grace = time.Second
		c.Resolve = func(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
			return label.Resolve(labels, label.Fleet{Pools: []string{"warm", "other"}})
		}
		if change != nil {
			change(c)
		}
	}, func(w *world) {
		want := 0
		for _, p := range pools {
			want += p.Schedule.At(time.Now()).Size.Running
		}
		w.settle(20*time.Second, "pools filled", func() bool { return len(w.in(fleet.MachineReady)) == want })
		f(w, func(p ...pool.Pool) { configured.Store(&p) })
	})
}

// in returns the live machines in a state.
func (w *world) in(s fleet.MachineState) []fleet.Machine {
	w.t.Helper()
	live, err := w.records.LiveMachines(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(live, func(m fleet.Machine) bool { return m.State != s })
}

// ran returns the machine that ran a job.
func (w *world) ran(id int64) fleet.Machine {
	w.t.Helper()
	for _, live := range []bool{true, false} {
		page, err := w.records.Machines(w.t.Context(), live, "", 100)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range page.Machines {
			if m.Named(w.job(id).Runner) {
				return m
			}
		}
	}
	w.t.Fatalf("no machine ran job %d", id)
	return fleet.Machine{}
}

func TestAJobTakesAMachineThatItsPoolKeepsReady(t *testing.T) { // failure modes E5, E10
	// rule 7.1
	withPools(t, []pool.Pool{warm("warm", 2)}, func(*controller.Config) {}, func(w *world, _ func(...pool.Pool)) {
		w.cloud.set(func(c *fakeCloud) { c.boot = 40 * time.Second })
		began := time.Now()
		w.github.queue(1, 10, 90*time.Second, "runs-fleet=10/cpu=2/pool=warm")
		w.settle(time.Second, "in progress within a second", func() bool { return w.github.state(1) == fleet.JobInProgress })
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		w.settle(10*time.Second, "known as running", func() bool { return w.job(1).State == fleet.JobInProgress })
		m := w.ran(1)
		if _, taken := m.History.Find("taken"); !taken || m.TakenFrom != "warm" || m.Place != nil {
			t.Errorf("the machine was taken from %q, its place is %v, its history %v", m.TakenFrom, m.Place, m.History)
		}
		w.settle(time.Minute, "refilled", func() bool { return len(w.in(fleet.MachineReady)) == 2 })
		if made := w.cloud.made(); made != 3 {
			t.Errorf("%d machines were made, want two and one for the one that was taken", made)
		}
		w.settle(3*time.Minute, "done", w.github.allDone)
		w.pass(2 * time.Minute)
		if made, ready := w.cloud.made(), len(w.in(fleet.MachineReady)); made != 3 || ready != 2 {
			t.Errorf("%d machines were made and %d are ready: the one that was taken must not count again", made, ready)
		}
	})
}

func TestAnEmptyPoolOverflowsToALaunch(t *testing.T) {
	withPools(t, []pool.Pool{warm("warm", 1)}, nil, func(w *world, _ func(...pool.Pool)) {
		for id := range int64(3) {
			w.github.queue(id+1, 10, 30*time.Second, "runs-fleet=10/cpu=2/pool=warm")
		}
		w.settle(10*time.Second, "in progress", func() bool {
			return w.github.state(1) == fleet.JobInProgress && w.github.state(2) == fleet.JobInProgress && w.github.state(3) == fleet.JobInProgress
		})
		w.settle(time.Minute, "told", func() bool {
			told := 0
			for id := range int64(3) {
				if e, ok := w.job(id + 1).History.Find("overflow"); ok && e.Text == "Pool warm has no machine ready for it, so one is launched." {
					told++
				}
			}
			return told == 2
		})
		// The provider is told whose machine it makes: one of a pool stops when it shuts down, one of a job ends (rule 7.2).
		var made []string
		w.cloud.set(func(c *fakeCloud) { made = slices.Clone(c.pools) })
		slices.Sort(made)
		if made = slices.Compact(made); !slices.Equal(made, []string{"", "warm"}) {
			t.Errorf("machines were made for the pools %q, want the pool's own and those of jobs", made)
		}
	})
}

func TestWhoMayTakeFromAPool(t *testing.T) {
	matching := warm("other", 1)
	matching.MatchSpec = true
	elsewhere := warm("elsewhere", 0)
	elsewhere.Environment = "elsewhere"
	for _, tt := range []struct {
		name, label, from string
		pools             []pool.Pool
	}{
		{"a job that names it", "runs-fleet=1/cpu=2/pool=warm", "warm", []pool.Pool{warm("warm", 1)}},
		{"a job that names another", "runs-fleet=1/cpu=2/pool=other", "", []pool.Pool{warm("warm", 1)}},
		{"a job that names none", "runs-fleet=1/cpu=2", "", []pool.Pool{warm("warm", 1)}},
		{"a job that names none, and the pool matches specs", "runs-fleet=1/cpu=2", "other", []pool.Pool{warm("warm", 1), matching}},
		{"another architecture", "runs-fleet=1/cpu=2/arch=arm64", "", []pool.Pool{matching}},
		{"a larger disk", "runs-fleet=1/cpu=2/disk=100", "", []pool.Pool{matching}},
		{"a disk that no pool has, named", "runs-fleet=1/cpu=2/disk=100/pool=warm", "", []pool.Pool{warm("warm", 1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withPools(t, tt.pools, nil, func(w *world, _ func(...pool.Pool)) {
				w.github.queue(1, 10, 30*time.Second, tt.label)
				w.settle(time.Minute, "known as running", func() bool { return w.job(1).State == fleet.JobInProgress })
				if m := w.ran(1); m.TakenFrom != tt.from {
					t.Errorf("its machine is from %q, want %q", m.TakenFrom, tt.from)
				}
			})
		})
	}
}

func TestAPoolThatIsNoLongerConfiguredIsDrained(t *testing.T) {
	withPools(t, []pool.Pool{warm("warm", 3)}, nil, func(w *world, set func(...pool.Pool)) {
		w.github.queue(1, 10, time.Minute, "runs-fleet=10/cpu=2/pool=warm")
		w.settle(5*time.Second, "in progress", func() bool { return w.github.state(1) == fleet.JobInProgress })
		set()
		w.settle(30*time.Second, "drained", func() bool { return len(w.in(fleet.MachineReady))+len(w.in(fleet.MachineStarting)) == 0 })
		if w.github.state(1) != fleet.JobInProgress {
			t.Error("the job on the machine that was taken did not go on")
		}
		w.settle(2*time.Minute, "nothing left", func() bool { return w.github.allDone() && w.empty() })
		w.settle(time.Minute, "forgotten", func() bool {
			heads, err := w.records.PoolHeads(t.Context())
			return err == nil && len(heads) == 0
		})
	})
}

func TestAMachineThatFailsAfterItWasTakenIsGivenUp(t *testing.T) { // failure mode E10
	withPools(t, []pool.Pool{warm("warm", 1)}, nil, func(w *world, _ func(...pool.Pool)) {
		first := w.in(fleet.MachineReady)[0].ID
		w.cloud.hang(first.ID)
		w.github.queue(1, 10, 20*time.Second, "runs-fleet=10/cpu=2/pool=warm")
		w.settle(5*time.Minute, "done", w.github.allDone)
		w.settle(10*time.Minute, "ended", func() bool {
			m, err := w.records.Machine(t.Context(), first)
			return err == nil && !m.V.Live() && m.V.Place == nil && m.V.TakenFrom == "warm"
		})
		w.settle(time.Minute, "the pool is full again", func() bool { return len(w.in(fleet.MachineReady)) == 1 })
	})
}

func TestMaxHoldsAndJobsComeBeforeRefilling(t *testing.T) { // failure modes M9, E1
	p := warm("warm", 4)
	p.Max = 4
	withPools(t, []pool.Pool{p}, func(c *controller.Config) { c.MaxRunners = 6 }, func(w *world, _ func(...pool.Pool)) {
		for id := range int64(12) {
			w.github.queue(id+1, id+1, 20*time.Second, fmt.Sprintf("runs-fleet=%d/cpu=2/pool=warm", id+1))
		}
		for range 600 {
			kept := 0
			live, err := w.records.LiveMachines(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range live {
				if m.Place != nil {
					kept++
				}
			}
			if kept > p.Max || len(live) > 6 {
				t.Fatalf("%d machines of the pool, whose max is %d, and %d in all, of 6", kept, p.Max, len(live))
			}
			w.pass(500 * time.Millisecond)
		}
		if !w.github.allDone() {
			t.Errorf("jobs were left waiting:\n%s", w.dump())
		}
		w.settle(time.Minute, "refilled", func() bool { return len(w.in(fleet.MachineReady)) == 4 })
	})
}

func TestAChangedPoolIsRolledOut(t *testing.T) { // failure mode D14
	withPools(t, []pool.Pool{warm("warm", 2)}, nil, func(w *world, set func(...pool.Pool)) {
		changed := warm("warm", 2)
		changed.Spec.Disk.SizeGB = 100
		set(changed)
		fewest := 2
		w.settle(2*time.Minute, "all are of the new configuration", func() bool {
			ready := w.in(fleet.MachineReady)
			fewest = min(fewest, len(ready))
			return len(ready) == 2 && !slices.ContainsFunc(ready, func(m fleet.Machine) bool { return m.Place.Spec.Disk.SizeGB != 100 })
		})
		if fewest < 2 {
			t.Errorf("there were only %d ready meanwhile", fewest)
		}
		if made := w.cloud.made(); made != 4 {
			t.Errorf("%d machines were made for two and their replacements", made)
		}
	})
}

// TestReplicasTakeEachMachineOnce has two replicas take from one pool at the same time.
func TestReplicasTakeEachMachineOnce(t *testing.T) { // failure modes E9, C17
	const jobs = 8
	inReplicas(t, func(r *replicas) {
		pools := func(c *controller.Config) {
			c.Pools = func() []pool.Pool { return []pool.Pool{warm("warm", jobs)} }
			c.Resolve = func(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
				return label.Resolve(labels, label.Fleet{Pools: []string{"warm"}})
			}
		}
		r.base.ctl = r.begin(0, pools)
		r.begin(1, pools)
		r.base.settle(20*time.Second, "filled", func() bool { return len(r.base.in(fleet.MachineReady)) == jobs })
		for id := range int64(jobs) {
			r.base.github.queue(id+1, id+1, 30*time.Second, fmt.Sprintf("runs-fleet=%d/cpu=2/pool=warm", id+1))
		}
		r.base.settle(3*time.Minute, "done", r.base.github.allDone)
		r.base.settle(time.Minute, "refilled", func() bool { return len(r.base.in(fleet.MachineReady)) == jobs })
		if made := r.base.cloud.made(); made != 2*jobs {
			t.Errorf("%d machines were made for %d places and as many jobs", made, jobs)
		}
		used := map[fleet.MachineID]bool{}
		for id := range int64(jobs) {
			m := r.base.ran(id + 1)
			if used[m.ID] || m.TakenFrom != "warm" {
				t.Errorf("job %d ran on %s, taken from %q, used before: %v", id+1, m.ID, m.TakenFrom, used[m.ID])
			}
			used[m.ID] = true
		}
	})
}
