package controller_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// shelf is an archive that fails, or hangs, when it is told to.
type shelf struct {
	mu       sync.Mutex
	fails    int // so many calls from now
	hangs    bool
	kept     map[string]string
	attempts int
}

func (s *shelf) Keep(ctx context.Context, id fleet.MachineID, l fleet.Log, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	if s.hangs {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return ctx.Err()
	}
	if s.fails > 0 {
		s.fails--
		return errors.New("the bucket is away")
	}
	if s.kept == nil {
		s.kept = map[string]string{}
	}
	s.kept[id.ID+" "+string(l)] = string(content)
	return nil
}

func (s *shelf) has() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.kept)
}

func (s *shelf) set(f func(*shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// told counts fallbacks.
type told struct {
	sweepObserver

	mu    sync.Mutex
	count map[controller.Fallback]int
}

func (o *told) Swept(controller.Sweep, time.Duration, error) {}

func (o *told) FellBack(f controller.Fallback) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count == nil {
		o.count = map[controller.Fallback]int{}
	}
	o.count[f]++
}

func (o *told) of(f controller.Fallback) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count[f]
}

func withArchive(s *shelf, o *told) func(*controller.Config) {
	return func(c *controller.Config) { c.Archive, c.Observer = s, o }
}

func TestTheRunnersLogOfAMachineThatEndedIsArchived(t *testing.T) {
	s, o := &shelf{}, &told{}
	inWorld(t, withArchive(s, o), func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.console, c.runnerLog = "console", "Running job: build" })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
		w.pass(time.Second)
		want := map[string]string{"m-0001 runner": "Running job: build"} // nobody reads the boot log of a machine that worked
		if diff := cmp.Diff(want, s.has()); diff != "" {
			w.t.Error(diff)
		}
		if n := o.of(controller.FallbackArchive); n != 0 {
			w.t.Errorf("%d fallbacks", n)
		}
	})
}

func TestTheConsoleOfAMachineThatFailedIsArchivedAtLast(t *testing.T) {
	s, o := &shelf{fails: 3}, &told{}
	inWorld(t, withArchive(s, o), func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.neverBoot, c.console = true, "kernel panic" })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(10*time.Minute, "failed", func() bool { return w.cloud.made() > 1 })
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = false })
		w.settle(5*time.Minute, "archived", func() bool { return s.has()["m-0001 console"] == "kernel panic of m-0001" })
		w.pass(time.Second)
		if n := o.of(controller.FallbackArchive); n != 3 {
			w.t.Errorf("%d fallbacks, want one for each time that the archive failed", n)
		}
		m, err := w.records.Machine(w.t.Context(), fleet.MachineID{Site: fleet.Site{Environment: fleet.DefaultEnvironment, Region: "test-1"}, ID: "m-0001"})
		if err != nil || m.V.State != fleet.MachineFailed || !m.V.Archived || !m.V.Archive.IsZero() || !m.V.Due.IsZero() {
			w.t.Errorf("%v, %s, archived %t, due %s", err, m.V.State, m.V.Archived, m.V.Due)
		}
		w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
	})
}

// An archive that is away or hangs costs logs, and no job waits for it.
func TestAnArchiveThatFailsHoldsUpNoJob(t *testing.T) {
	for name, change := range map[string]func(*shelf){
		"fails": func(s *shelf) { s.fails = 1 << 30 },
		"hangs": func(s *shelf) { s.hangs = true },
	} {
		t.Run(name, func(t *testing.T) {
			s, o := &shelf{}, &told{}
			s.set(change)
			inWorld(t, func(c *controller.Config) {
				withArchive(s, o)(c)
				c.MaxRunners = 4
			}, func(w *world) {
				w.cloud.set(func(c *fakeCloud) { c.runnerLog, c.console = "a log", "a console" })
				const jobs = 40
				for i := range jobs {
					w.github.queue(int64(i+1), int64(i+100), time.Second, cpu2)
				}
				w.settle(time.Minute, "done and nothing left", func() bool { return w.github.allDone() && w.empty() })
				w.pass(time.Minute)
				if n := o.of(controller.FallbackArchive); n != jobs || len(s.has()) != 0 {
					w.t.Errorf("%d fallbacks for %d jobs, kept %v", n, jobs, s.has())
				}
			})
		})
	}
}

func TestLogsThatCannotBeArchivedAreGivenUpAfterAnHour(t *testing.T) {
	s, o := &shelf{fails: 1 << 30}, &told{}
	inWorld(t, withArchive(s, o), func(w *world) {
		w.cloud.set(func(c *fakeCloud) { c.neverBoot, c.console = true, "kernel panic" })
		w.github.queue(1, 10, 10*time.Second, cpu2)
		w.settle(10*time.Minute, "failed", func() bool { return w.cloud.made() > 1 })
		w.cloud.set(func(c *fakeCloud) { c.neverBoot = false })
		w.pass(2 * time.Hour)
		before := 0
		s.set(func(s *shelf) { before = s.attempts })
		w.pass(time.Hour)
		s.set(func(s *shelf) {
			if s.attempts != before || before < 30 {
				w.t.Errorf("%d attempts, and %d in the third hour; want them each minute for an hour", before, s.attempts-before)
			}
		})
	})
}
