package controller_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// replicas are several controllers over one store, with what each of them swept.
type replicas struct {
	t      *testing.T
	base   *world
	swept  map[int][]controller.Sweep
	mu     sync.Mutex
	ends   map[int]func()
	broken map[int]*brokenStore
}

// brokenStore is a store that one replica may lose sight of.
type brokenStore struct {
	store.Store

	mu   sync.Mutex
	lost bool
}

var errUnreachable = errors.New("unreachable")

func (b *brokenStore) reach() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost {
		return errUnreachable
	}
	return nil
}

func (b *brokenStore) lose(lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost = lost
}

func (b *brokenStore) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := b.reach(); err != nil {
		return store.Page{}, err
	}
	return b.Store.Query(ctx, q)
}

func (b *brokenStore) Transact(ctx context.Context, writes []store.Write) error {
	if err := b.reach(); err != nil {
		return err
	}
	return b.Store.Transact(ctx, writes)
}

type sweepObserver struct {
	r *replicas
	i int
}

func (o sweepObserver) Swept(s controller.Sweep, _ time.Duration, _ error) {
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	o.r.swept[o.i] = append(o.r.swept[o.i], s)
}

func (sweepObserver) JobMoved(controller.JobMove)              {}
func (sweepObserver) LaunchCalled(controller.LaunchCall)       {}
func (sweepObserver) PlacesSettled(controller.Places)          {}
func (sweepObserver) MachineReady(fleet.Market, time.Duration) {}
func (sweepObserver) MachineEnded(controller.MachineEnd)       {}
func (sweepObserver) Minted(controller.MintOutcome)            {}
func (sweepObserver) Deregistered(controller.DeletionOutcome)  {}
func (sweepObserver) Reconciled(time.Duration, int)            {}
func (sweepObserver) FellBack(controller.Fallback)             {}

func inReplicas(t *testing.T, f func(r *replicas)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &replicas{t: t, base: newWorld(t, nil), swept: map[int][]controller.Sweep{}, ends: map[int]func(){}, broken: map[int]*brokenStore{}}
		defer func() {
			for _, end := range r.ends {
				end()
			}
			r.base.cloud.end()
			synctest.Wait()
		}()
		f(r)
	})
}

// begin starts a replica; end stops it in an orderly way.
func (r *replicas) begin(i int, change func(*controller.Config)) *controller.Controller {
	r.t.Helper()
	cfg := r.base.ctl.Config
	b := &brokenStore{Store: r.base.store}
	r.broken[i] = b
	cfg.Records = record.New(b)
	cfg.Observer = sweepObserver{r: r, i: i}
	if change != nil {
		change(&cfg)
	}
	ctl, err := controller.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ctl.Run(ctx) }()
	r.ends[i] = func() {
		delete(r.ends, i)
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run = %v", err)
		}
	}
	synctest.Wait()
	return ctl
}

// during returns which periodic works the replica did while time passed.
func (r *replicas) during(d time.Duration, i int) []controller.Sweep {
	r.mu.Lock()
	clear(r.swept)
	r.mu.Unlock()
	r.base.pass(d)
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	works := slices.Clone(r.swept[i])
	slices.Sort(works)
	return slices.Compact(works)
}

// minutes is long enough for each periodic work to be done.
const minutes = 4 * time.Minute

func all() []controller.Sweep {
	works := controller.Sweeps()
	slices.Sort(works)
	return works
}

func TestEachPeriodicWorkHasOneHolder(t *testing.T) { // failure mode C17
	inReplicas(t, func(r *replicas) {
		r.begin(0, nil)
		r.begin(1, nil)
		if got := r.during(minutes, 1); len(got) != 0 {
			t.Errorf("the second replica did %v besides the first", got)
		}
		if got := r.during(minutes, 0); !slices.Equal(got, all()) {
			t.Errorf("the first replica did %v", got)
		}
	})
}

func TestAReplicaThatStopsGivesItsWorkBack(t *testing.T) {
	inReplicas(t, func(r *replicas) {
		r.begin(0, nil)
		r.begin(1, nil)
		r.ends[0]()
		const next = 11 * time.Second // its next look at the leases, and at each work
		if got := r.during(next, 1); !slices.Equal(got, all()) {
			t.Errorf("after %s the other replica did %v", next, got)
		}
	})
}

// failure mode O3: a replica that is cut off goes on with old rights.
func TestALostReplicasWorkGoesOnWithin30Seconds(t *testing.T) {
	inReplicas(t, func(r *replicas) {
		ctl := r.begin(0, nil)
		r.begin(1, nil)
		r.during(time.Minute, 0)
		r.broken[0].lose(true)
		if got := r.during(30*time.Second, 1); !slices.Contains(got, controller.SweepDue) || !slices.Contains(got, controller.SweepShapes) {
			t.Errorf("30 s after the first replica lost the store the second did %v", got)
		}
		if got := r.during(minutes, 0); len(got) != 0 {
			t.Errorf("the replica without a store did %v", got)
		}
		if err := ctl.Claims(); !errors.Is(err, controller.ErrStoreSilent) {
			t.Errorf("Claims of the replica without a store = %v", err)
		}
		r.broken[0].lose(false)
		r.during(time.Minute, 0)
		if err := ctl.Claims(); err != nil {
			t.Errorf("Claims after the store came back = %v", err)
		}
	})
}

func TestAnOldGenerationIsRefused(t *testing.T) { // failure mode C17
	inReplicas(t, func(r *replicas) {
		states := func() map[string]record.LeaseState {
			got, _, err := r.base.records.Leases(r.t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		r.begin(0, nil)
		work := string(controller.SweepGitHub)
		before := states()[work].Generation
		write := func(generation uint64) error {
			ctx := record.Fenced(r.t.Context(), work, generation)
			return r.base.records.Commit(ctx, r.base.records.PutReplica(record.Replica{ID: "somebody"}, time.Now().Add(time.Hour)))
		}
		if err := write(before); err != nil {
			t.Fatalf("a write of the holder: %v", err)
		}
		r.ends[0]()
		r.begin(1, nil)
		if after := states()[work].Generation; after <= before {
			t.Fatalf("the generation is %d after %d", after, before)
		}
		if err := write(before); !errors.Is(err, record.ErrLeaseLost) || store.IsConflict(err) {
			t.Errorf("a write of the former holder = %v", err)
		}
		ctx := record.Unfenced(record.Fenced(r.t.Context(), work, before))
		if err := r.base.records.Commit(ctx, r.base.records.DeleteReplica("somebody")); err != nil {
			t.Errorf("a write without a fence: %v", err)
		}
	})
}

func TestAStoreOfItsOwnIsTakenOverAtOnce(t *testing.T) {
	inReplicas(t, func(r *replicas) {
		r.begin(0, nil)
		r.broken[0].lose(true) // a server that is killed gives nothing back
		r.ends[0]()
		r.begin(1, func(c *controller.Config) { c.Alone = true })
		if got := r.during(time.Second, 1); !slices.Contains(got, controller.SweepDue) {
			t.Errorf("in its first second the next life did %v", got)
		}
	})
}

// wakeRecorder is the way to the other replicas.
type wakeRecorder struct {
	mu    sync.Mutex
	woken []string
}

func (w *wakeRecorder) Wake(_ context.Context, address, machine string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woken = append(w.woken, address+" "+machine)
	return nil
}

func (w *wakeRecorder) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woken = nil
}

func (w *wakeRecorder) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.woken)
}

// A rolling update: an order for an agent that polls the newest replica must not wait for the next round of the others.
func TestAReplicaThatBeginsIsKnownAtOnce(t *testing.T) {
	inReplicas(t, func(r *replicas) {
		direct := &directPeers{}
		at := func(address string) func(*controller.Config) {
			return func(c *controller.Config) { c.Address, c.Peers = address, direct }
		}
		first := r.begin(0, at("http://one"))
		direct.first = first
		r.begin(1, at("http://two"))
		r.base.pass(100 * time.Millisecond)
		if got := first.OtherReplicas(); !slices.Equal(got, []string{"http://two"}) {
			r.t.Errorf("0.1 s after the second replica began the first knows %q", got)
		}
	})
}

func TestADrainIsTheWholeFleets(t *testing.T) {
	inReplicas(t, func(r *replicas) {
		direct := &directPeers{}
		at := func(address string) func(*controller.Config) {
			return func(c *controller.Config) { c.Address, c.Peers = address, direct }
		}
		first := r.begin(0, at("http://one"))
		direct.first = first
		second := r.begin(1, at("http://two"))
		r.base.pass(100 * time.Millisecond)
		if err := second.Drain(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
		r.base.pass(100 * time.Millisecond)
		if !first.Draining() {
			r.t.Error("the other replica goes on launching")
		}
		r.ends[1]()
		r.base.pass(6 * time.Second)
		if first.Draining() {
			r.t.Error("the fleet drains although the replica that was asked has stopped")
		}
	})
}

// directPeers are replicas that reach each other without a network.
type directPeers struct{ first *controller.Controller }

func (d *directPeers) Wake(_ context.Context, address, machine string) error {
	if address == "http://one" {
		return d.first.WakeHere(machine)
	}
	return nil
}

// rule 3.2: a replica that commands a machine which polls another replica tells that replica.
func TestAnOrderForAnAgentThatPollsElsewhere(t *testing.T) {
	inReplicas(t, func(r *replicas) {
		peers := &wakeRecorder{}
		at := func(address string) func(*controller.Config) {
			return func(c *controller.Config) { c.Address, c.Peers = address, peers }
		}
		r.base.cloud.set(func(c *fakeCloud) { c.stubborn = true })
		first := r.begin(0, at("http://one"))
		r.base.ctl = r.begin(1, at("http://two")) // where the agents poll
		r.during(time.Minute, 0)
		r.base.github.queue(1, 10, time.Second, cpu2)
		r.base.settle(10*time.Second, "a machine", func() bool { return r.base.cloud.running() == 1 })
		r.during(5*time.Second, 0)
		peers.forget()
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
		defer cancel()
		if err := first.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(peers.heard(), func(told string) bool { return strings.HasSuffix(told, " *") })
		if len(got) == 0 || !strings.HasPrefix(got[0], "http://two default/test-1/") {
			t.Errorf("told: %q", got)
		}
	})
}
