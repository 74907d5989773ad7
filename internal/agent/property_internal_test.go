package agent

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// TestDecideKeepsItsPromises plays arbitrary histories that a machine can have.
func TestDecideKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, now := ready(), start
		running, everWorked := false, false // the truth outside
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
			e := draw(t, &running, &everWorked, now)
			before := s
			var actions []action
			s, actions = decide(s, e, now)
			for _, a := range actions {
				switch a := a.(type) {
				case startListener:
					if running {
						t.Fatalf("a second listener is started")
					}
					if everWorked && before.workerStarted {
						t.Fatalf("a machine that had a job is used again") // rule 4.4
					}
					running = true
				case sendSignal:
					_, poweredOff := e.(ordered)
					if before.workerStarted && !s.overtime && !poweredOff {
						t.Fatalf("a signal while a job may run, on %#v", e) // NeverKillBusy
					}
					if a.signal == Kill && s.stage == ended {
						running = false
					}
				case keepLogs:
					s, _ = decide(s, logsKept{"tail"}, now)
				case report, leave:
				}
			}
			if before.workerStarted && !s.workerStarted {
				t.Fatal("a worker that started is forgotten")
			}
			if before.stage > s.stage {
				t.Fatalf("the machine's life goes backwards: %d to %d", before.stage, s.stage)
			}
			if s.report().Done && s.live() && s.stage != ended {
				t.Fatal("a goodbye while a listener lives")
			}
			if s.attempts > s.limits.Attempts {
				t.Fatalf("%d starts with one JIT config", s.attempts)
			}
			if s.stage == ended {
				return
			}
		}
	})
}

func draw(t *rapid.T, running, everWorked *bool, now time.Time) event {
	commands := []agentapi.Command{
		agentapi.CommandNone, agentapi.CommandAssign, agentapi.CommandStop, agentapi.CommandDrain, agentapi.CommandPowerOff,
	}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		o := agentapi.Orders{Command: rapid.SampledFrom(commands).Draw(t, "command")}
		if o.Command == agentapi.CommandAssign {
			o.Assignment = &agentapi.Assignment{Runner: rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "runner"), MaxRuntime: time.Hour}
		}
		return ordered{o, now}
	case 1:
		return listenerSaid{rapid.SampledFrom([]Saying{SaysListening, SaysRunning, SaysCompleted, SaysLost}).Draw(t, "saying")}
	case 2:
		if !*running {
			return passed{}
		}
		*running = false
		return listenerExited{rapid.SampledFrom([]int{0, 1, 2, 3, 5, 7, 137}).Draw(t, "code")}
	case 3:
		works := *running && rapid.Bool().Draw(t, "works")
		*everWorked = *everWorked || works
		return observed{Observation{WorkerRunning: works, WorkerEver: *everWorked}}
	case 4:
		if rapid.IntRange(0, 9).Draw(t, "refused") == 0 {
			return refusedByServer{"gone"}
		}
		return passed{}
	default:
		return passed{}
	}
}
