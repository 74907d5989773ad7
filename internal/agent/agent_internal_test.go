package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

func assigning(runner string) func(*fakeServer) {
	return func(f *fakeServer) {
		f.order = agentapi.Orders{Command: agentapi.CommandAssign, Assignment: &agentapi.Assignment{Runner: runner, MaxRuntime: time.Hour}}
	}
}

func ordering(c agentapi.Command) func(*fakeServer) {
	return func(f *fakeServer) { f.order = agentapi.Orders{Command: c} }
}

func TestAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newFakeServer(), newFakeRunner()
		ended := run(t, t.Context(), s, r)
		s.set(assigning("r1"))
		pass(t, time.Second)
		r.happenings <- Happening{Saying: SaysListening}
		// News is told at once, although the server would hold the poll for 20 s.
		synctest.Wait()
		if got := s.last(); got.Runner != "r1" || got.Listener != agentapi.ListenerConnected {
			t.Errorf("on connecting: %+v", got)
		}
		r.sees(Observation{WorkerRunning: true, WorkerEver: true})
		pass(t, watchInterval)
		synctest.Wait()
		if got := s.last(); !got.WorkerStarted || !got.WorkerRunning {
			t.Errorf("on the worker's start: %+v", got)
		}
		pass(t, 10*time.Minute)
		r.sees(Observation{WorkerEver: true})
		r.happenings <- Happening{Exited: true, Code: 0}
		pass(t, DefaultLimits().Linger+watchInterval)
		synctest.Wait()
		if got := s.last(); !got.Done || got.Diagnostics != "tail" || got.ExitCode == nil {
			t.Errorf("the goodbye: %+v", got)
		}
		var names []string
		for _, p := range s.last().Phases {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, ", "); got != "boot, hello, folder ready, listener started, connected, job started, job ended, listener stopped" {
			t.Errorf("phases: %s", got)
		}
		s.set(ordering(agentapi.CommandPowerOff))
		if err := <-ended; err != nil || r.kept != 1 {
			t.Errorf("Run = %v, logs kept %d times", err, r.kept)
		}
		sequences := make([]int64, 0, len(s.reports))
		for _, report := range s.reports {
			sequences = append(sequences, report.Sequence)
		}
		if !slices.IsSorted(sequences) || len(slices.Compact(sequences)) != len(s.reports) {
			t.Errorf("sequences %v do not rise", sequences)
		}
		if n := len(s.reports); n > 75 { // 60 of 10 s, and the news
			t.Errorf("%d polls in ten minutes", n)
		}
	})
}

func TestHello(t *testing.T) { // failure mode G3
	for name, test := range map[string]struct {
		hello func(int) error
		after time.Duration
		err   error
	}{
		"is repeated while nobody answers": {
			hello: func(n int) error {
				if n < 5 {
					return errAway
				}
				return nil
			},
		},
		"ends on a refusal":       {hello: func(int) error { return agentapi.ErrRefused }, err: agentapi.ErrRefused},
		"ends when invalid":       {hello: func(int) error { return agentapi.ErrInvalid }, err: agentapi.ErrInvalid},
		"ends after five minutes": {hello: func(int) error { return errAway }, after: 5 * time.Minute, err: errAway}, // failure mode G2
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := newFakeServer(), newFakeRunner()
				s.hello = test.hello
				begun := time.Now()
				s.set(ordering(agentapi.CommandPowerOff))
				err := <-run(t, t.Context(), s, r)
				if !errors.Is(err, test.err) || time.Since(begun) < test.after {
					t.Errorf("Run = %v after %s, want %v", err, time.Since(begun), test.err)
				}
				if s.hellos > 60 {
					t.Errorf("%d hellos", s.hellos)
				}
			})
		})
	}
}

func TestWithoutContact(t *testing.T) {
	t.Run("the listener is stopped before its lease ends", func(t *testing.T) { // rule 3.3
		synctest.Test(t, func(t *testing.T) {
			s, r := newFakeServer(), newFakeRunner()
			r.obedient = true
			ended := run(t, t.Context(), s, r)
			s.set(assigning("r1"))
			pass(t, time.Second)
			r.happenings <- Happening{Saying: SaysListening}
			synctest.Wait()
			away := time.Now()
			s.set(func(f *fakeServer) { f.away = true })
			pass(t, time.Minute)
			if len(r.signals) != 1 || r.signals[0] != Interrupt {
				t.Fatalf("signals %v, want one SIGINT", r.signals)
			}
			if after := r.signalTimes[0].Sub(away); after > 46*time.Second {
				t.Errorf("stopped %s after the last contact", after)
			}
			// Back again, the server learns that nothing ran, and may assign anew.
			s.set(func(f *fakeServer) { f.away = false })
			s.set(assigning("r2"))
			pass(t, 15*time.Second)
			if !slices.Equal(r.started, []string{"r1", "r2"}) {
				t.Errorf("started %v", r.started)
			}
			s.set(ordering(agentapi.CommandPowerOff))
			<-ended
		})
	})
	t.Run("a job goes on, and the machine ends after it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, r := newFakeServer(), newFakeRunner()
			ended := run(t, t.Context(), s, r)
			s.set(assigning("r1"))
			pass(t, time.Second)
			r.happenings <- Happening{Saying: SaysListening}
			r.sees(Observation{WorkerRunning: true, WorkerEver: true})
			pass(t, time.Second)
			s.set(func(f *fakeServer) { f.away = true })
			pass(t, 30*time.Minute)
			if len(r.signals) > 0 {
				t.Errorf("signals %v while a job ran", r.signals)
			}
			r.sees(Observation{WorkerEver: true})
			r.happenings <- Happening{Exited: true}
			over := time.Now()
			if err := <-ended; err != nil || time.Since(over) > 2*time.Minute {
				t.Errorf("Run = %v, %s after the job", err, time.Since(over))
			}
		})
	})
	t.Run("an idle machine ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, r := newFakeServer(), newFakeRunner()
			s.set(func(f *fakeServer) { f.away = true })
			begun := time.Now()
			if err := <-run(t, t.Context(), s, r); err != nil || time.Since(begun) > 11*time.Minute {
				t.Errorf("Run = %v after %s", err, time.Since(begun))
			}
			if n := len(s.reports); n > 150 {
				t.Errorf("%d polls of a server that is away", n)
			}
		})
	})
}

func TestARepeatedOrderIsNoTightLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newFakeServer(), newFakeRunner()
		s.set(func(f *fakeServer) { f.order, f.stubborn = agentapi.Orders{Command: agentapi.CommandStop}, true })
		ctx, cancel := context.WithCancel(t.Context())
		ended := run(t, ctx, s, r)
		pass(t, time.Minute)
		cancel()
		<-ended
		if n := len(s.reports); n < 30 || n > 70 {
			t.Errorf("%d polls in a minute, want about one a second", n)
		}
	})
}

func TestAnIdleAgentPollsAsOftenAsItIsHeld(t *testing.T) { // rule 3.2
	synctest.Test(t, func(t *testing.T) {
		s, r := newFakeServer(), newFakeRunner()
		ctx, cancel := context.WithCancel(t.Context())
		ended := run(t, ctx, s, r)
		pass(t, 2*time.Minute)
		cancel()
		<-ended
		if n, want := len(s.reports), int(2*time.Minute/agentapi.PollWait); n != want && n != want+1 {
			t.Errorf("%d polls in two minutes", n)
		}
	})
}

// TestAVeryShortJobIsNoListenerWithoutAJob has a job that begins and ends between two looks at the processes.
func TestAVeryShortJobIsNoListenerWithoutAJob(t *testing.T) { // rule 4.4
	synctest.Test(t, func(t *testing.T) {
		s, r := newFakeServer(), newFakeRunner()
		ended := run(t, t.Context(), s, r)
		s.set(assigning("r1"))
		pass(t, time.Second+watchInterval/2)
		r.sees(Observation{WorkerEver: true})
		r.happenings <- Happening{Exited: true}
		synctest.Wait()
		if got := s.last(); !got.WorkerStarted || got.Listener != agentapi.ListenerStopped {
			t.Errorf("right after the exit: %+v", got)
		}
		pass(t, DefaultLimits().Linger+watchInterval)
		s.set(ordering(agentapi.CommandPowerOff))
		<-ended
	})
}

func TestARefusalIsFinal(t *testing.T) { // failure mode G3
	synctest.Test(t, func(t *testing.T) {
		s, r := newFakeServer(), newFakeRunner()
		ended := run(t, t.Context(), s, r)
		s.set(assigning("r1"))
		pass(t, time.Second)
		s.set(func(f *fakeServer) { f.refuse = true })
		if err := <-ended; err != nil || !slices.Equal(r.signals, []Signal{Kill}) {
			t.Errorf("Run = %v, signals %v, want the listener killed", err, r.signals)
		}
	})
}

func TestShutdown(t *testing.T) { // failure mode N15
	synctest.Test(t, func(t *testing.T) {
		s, r := newFakeServer(), newFakeRunner()
		ctx, cancel := context.WithCancel(t.Context())
		ended := run(t, ctx, s, r)
		s.set(assigning("r1"))
		pass(t, time.Second)
		r.sees(Observation{WorkerRunning: true, WorkerEver: true})
		pass(t, time.Second)
		cancel()
		if err := <-ended; err != nil || !slices.Equal(r.signals, []Signal{Kill}) || r.kept != 1 {
			t.Errorf("Run = %v, signals %v, logs kept %d times", err, r.signals, r.kept)
		}
	})
}
