package simulate_test

import (
	"fmt"
	"hash/fnv"
	"os"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/simulate"
)

// The short campaign: seeds that never change, and as many fresh ones as there is time for.
const (
	fixedSeeds  = 12
	freshBudget = 25 * time.Second
	jobs        = 40
)

func TestFleetWithoutFaults(t *testing.T) {
	for seed := range uint64(3) {
		cfg := simulate.Draw(seed+1, jobs)
		cfg.Rates = simulate.Rates{}
		res := simulate.Run(t, cfg, false)
		report(t, res)
		if res.Stats.Machines != res.Stats.Jobs {
			t.Errorf("seed %d: %d machines for %d jobs; without faults each has its own", cfg.Seed, res.Stats.Machines, res.Stats.Jobs)
		}
	}
}

func TestFleetWithFaults(t *testing.T) { // failure modes C2, C14
	for seed := range uint64(fixedSeeds) {
		report(t, simulate.Run(t, simulate.Draw(seed+1, jobs), false))
	}
}

// TestFreshSeeds runs worlds that nobody has seen. A violation prints the command that repeats it.
func TestFreshSeeds(t *testing.T) {
	clock := seam.System{}
	began := clock.Now()
	first := fresh(began)
	t.Logf("the first seed is %d", first)
	for seed := first; clock.Now().Sub(began) < freshBudget; seed++ {
		report(t, simulate.Run(t, simulate.Draw(seed, jobs), false))
		if t.Failed() {
			return
		}
	}
}

func fresh(now time.Time) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintln(h, now.UnixNano(), os.Getpid())
	return h.Sum64() >> 24 // short enough to be typed
}

// TestReplay holds the simulation to its promise: the same seed, the same run, to the last step.
func TestReplay(t *testing.T) {
	for _, seed := range []uint64{1, 4, 5, 9, 17} {
		cfg := simulate.Draw(seed, jobs/2)
		once, again := simulate.Run(t, cfg, false), simulate.Run(t, cfg, true)
		if once.Hash != again.Hash || once.Stats.Steps != again.Stats.Steps {
			t.Errorf("seed %d: %016x after %d steps, then %016x after %d", seed, once.Hash, once.Stats.Steps, again.Hash, again.Stats.Steps)
		}
	}
}

// TestReplayOnSQLite does the same where the rows are in a file: the database's goroutines belong to the world's steps.
func TestReplayOnSQLite(t *testing.T) {
	for seed := range uint64(2) {
		cfg := simulate.Draw(seed+21, jobs/2)
		cfg.SQLite = true
		once, again := simulate.Run(t, cfg, false), simulate.Run(t, cfg, false)
		report(t, once)
		if once.Hash != again.Hash || once.Stats.Steps != again.Stats.Steps {
			t.Errorf("seed %d: %016x after %d steps, then %016x after %d", cfg.Seed, once.Hash, once.Stats.Steps, again.Hash, again.Stats.Steps)
		}
	}
}

// TestServersThatEndAreStartedAgain is a world whose store cannot be reached when servers begin: they end with an error, as
// systemd sees it, and are started again until they can work.
func TestServersThatEndAreStartedAgain(t *testing.T) {
	ended := 0
	for seed := range uint64(4) {
		cfg := simulate.Draw(seed+1, jobs/8)
		cfg.Rates = simulate.Rates{simulate.StoreDown: 0.3, simulate.ReplicaKilled: 12}
		res := simulate.Run(t, cfg, false)
		report(t, res)
		ended += res.Stats.Ended
	}
	if ended == 0 {
		t.Error("no server has ended by itself, so nothing was tried")
	}
}

func TestSeedsDiffer(t *testing.T) {
	cfg := simulate.Draw(1, 4)
	other := cfg
	other.Seed = 2
	if a, b := simulate.Run(t, cfg, false), simulate.Run(t, other, false); a.Hash == b.Hash {
		t.Errorf("seeds 1 and 2 are the same run, %016x", a.Hash)
	}
}

func report(t *testing.T, res simulate.Result) {
	t.Helper()
	if res.Violation != nil {
		t.Errorf("%s", simulate.Explain(t, simulate.Shrink(t, res)))
	}
}
