package controller_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/label"
	"github.com/runs-fleet/runs-fleet/internal/pool"
	queuememory "github.com/runs-fleet/runs-fleet/internal/queue/memory"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/store"
	"github.com/runs-fleet/runs-fleet/internal/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a controller with everything around it, in one bubble of virtual time.
type world struct {
	t       *testing.T
	github  *fakeGitHub
	cloud   *fakeCloud
	store   store.Store
	records *record.Records
	queue   *queuememory.Queue
	ctl     *controller.Controller
	stop    func()
}

// seeded is repeatable randomness.
type seeded struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (s *seeded) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Uint64()
}

func (s *seeded) Token(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.Uint64())
	}
	return fmt.Sprintf("%x", b)
}

func testRepository() fleet.Repository {
	return fleet.Repository{Host: "github.test", ID: 7, Owner: "acme", Name: "shop", Private: true}
}

// inWorld runs f beside a running controller, and ends everything.
func inWorld(t *testing.T, change func(*controller.Config), f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, change)
		w.start()
		defer func() {
			w.stop()
			w.cloud.end()
			synctest.Wait()
		}()
		f(w)
	})
}

func newWorld(t *testing.T, change func(*controller.Config)) *world {
	t.Helper()
	clock, random := seam.System{}, &seeded{r: rand.New(rand.NewPCG(1, 2))}
	w := &world{t: t}
	w.store = memory.New(clock, memory.Options{})
	w.records = record.New(w.store)
	w.queue = queuememory.New(clock, random, queuememory.Options{})
	w.github = newFakeGitHub(w)
	w.cloud = newFakeCloud(w)
	cfg := controller.Config{
		Records: w.records, Queue: w.queue, GitHub: w.github, Provider: w.cloud, Verifier: w.cloud,
		Clock: clock, Random: random, Logger: slog.New(slog.DiscardHandler),
		Site: fleet.Site{Environment: fleet.DefaultEnvironment, Region: "test-1"},
		Resolve: func(_ fleet.Repository, labels []string) (fleet.Resolved, error) {
			return label.Resolve(labels, label.Fleet{})
		},
		Ours: func(labels []string) bool {
			return slices.ContainsFunc(labels, func(l string) bool { return len(l) > 10 && l[:10] == "runs-fleet" })
		},
		Fold:       label.Fold,
		Pools:      func() []pool.Pool { return nil },
		AllowOwner: func(o string) bool { return o == "acme" }, AllowPublic: func(fleet.Repository) bool { return false },
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if w.ctl, err = controller.New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

// start runs the controller until stop is called.
func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.ctl.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run = %v", err)
		}
	}
}

// settle lets time pass until cond holds, or fails after limit.
func (w *world) settle(limit time.Duration, what string, cond func() bool) {
	w.t.Helper()
	clock := seam.System{}
	for end := clock.Now().Add(limit); !cond(); {
		if clock.Now().After(end) {
			w.t.Fatalf("after %s: not %s\n%s", limit, what, w.dump())
		}
		_ = clock.Sleep(w.t.Context(), 100*time.Millisecond)
	}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) { _ = seam.System{}.Sleep(w.t.Context(), d) }

func (w *world) job(id int64) fleet.Job {
	w.t.Helper()
	j, err := w.records.Job(w.t.Context(), fleet.JobID{Host: "github.test", ID: id})
	if err != nil {
		w.t.Fatal(err)
	}
	return j.V.Job
}

// empty says that nothing lives any more: no machine, no instance, no registration.
func (w *world) empty() bool {
	live, err := w.records.LiveMachines(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return len(live) == 0 && w.cloud.running() == 0 && w.github.registered() == 0
}

func (w *world) dump() string {
	out := w.github.String() + w.cloud.String()
	live, _ := w.records.LiveMachines(w.t.Context())
	for _, m := range live {
		out += fmt.Sprintf("row %s %s job=%d demand=%s due=%s %+v\n", m.ID.ID, m.State, m.Job, m.Demand, m.Due.Format("15:04:05"), m.Retire)
		for _, h := range m.History {
			out += fmt.Sprintf("   %s %s\n", h.At.Format("15:04:05.000"), h.Text)
		}
	}
	return out
}
