package simulate

import (
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	queuememory "github.com/runs-fleet/runs-fleet/internal/queue/memory"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// World is one run: everything that exists in it.
type World struct {
	cfg   Config
	start time.Time
	end   time.Time // of the faults
	s     *scheduler

	fate   stream // which faults strike
	work   stream // what people do
	cloudy stream
	agenty stream
	queuey stream

	store    store.Store
	queue    *queuememory.Queue
	waiting  []*receiver
	records  *record.Records
	replicas []*replica
	hub      *hub
	cloud    *cloud
	history  *history
	probed   time.Time // when fresh jobs were queued after the last fault
	check    *checker
	stats    Stats
	revision int // of the configuration: what it asks of every machine

	durations map[int64]time.Duration // of a forecast's jobs, by GitHub's id
}

// errCut is an answer that never came.
var errCut = errors.New("the connection was cut")

// newWorld builds the world of a configuration; nothing has happened in it yet.
func newWorld(cfg Config, keep bool) *World {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := &World{
		cfg: cfg, start: start, end: start.Add(cfg.Faulty),
		s:    newScheduler(start, newStream(cfg.Seed, purposeOrder).r),
		fate: newStream(cfg.Seed, purposeFaults), work: newStream(cfg.Seed, purposeWork),
		cloudy: newStream(cfg.Seed, purposeCloud), agenty: newStream(cfg.Seed, purposeAgents), queuey: newStream(cfg.Seed, purposeReceivers),
	}
	w.stats.Faults = map[Fault]int{}
	w.history = &history{w: w, keep: keep}
	world := clock{w.s, &domain{name: "world"}}
	lag := time.Duration(w.cfg.Rates[IndexLags] * float64(time.Second))
	w.store = openStore(cfg, world, lag)
	w.queue = queuememory.New(world, newStream(cfg.Seed, purposeQueue), queuememory.Options{Visibility: visibility})
	w.records = record.New(w.store)
	w.check = newChecker(w)
	w.hub = newHub(w)
	w.cloud = newCloud(w)
	for i := range cfg.Replicas {
		w.replicas = append(w.replicas, &replica{w: w, name: fmt.Sprintf("r%d", i+1), number: i})
	}
	return w
}

// faulty says whether faults happen now.
func (w *World) faulty() bool { return w.s.now.Before(w.end) }

// strikes says whether a fault happens on this occasion.
func (w *World) strikes(f Fault) bool {
	struck := w.fate.chance(w.cfg.Rates[f]) && w.faulty()
	if struck {
		w.stats.Faults[f]++
	}
	return struck
}

// site is where the world's machines are.
func site() fleet.Site {
	return fleet.Site{Environment: fleet.DefaultEnvironment, Region: "sim-1"}
}

// since is how long the world has existed.
func (w *World) since() time.Duration { return w.s.now.Sub(w.start) }
