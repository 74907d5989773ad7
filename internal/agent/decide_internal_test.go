package agent

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ready is a machine that was just welcome.
func ready() state {
	return state{limits: DefaultLimits(), listener: agentapi.ListenerNone, renewed: start, stopAfter: 45 * time.Second}
}

func order(c agentapi.Command) event { return ordered{agentapi.Orders{Command: c}, start} }

func assignment(runner string) event {
	return ordered{agentapi.Orders{Command: agentapi.CommandAssign, Assignment: &agentapi.Assignment{Runner: runner, MaxRuntime: time.Hour}}, start}
}

func sees(running, ever bool) event {
	return observed{Observation{WorkerRunning: running, WorkerEver: ever}}
}

// script is what happens, each after so many seconds from the start; renewals go on by themselves unless silent.
type step struct {
	at int // seconds
	e  event
}

func play(s state, silent bool, steps []step) (state, []action) {
	var all []action
	for _, step := range steps {
		now := start.Add(time.Duration(step.at) * time.Second)
		if !silent {
			s.renewed = now
		}
		var actions []action
		s, actions = decide(s, step.e, now)
		all = append(all, actions...)
		for _, a := range actions { // what the edges answer at once
			if _, keeps := a.(keepLogs); keeps {
				var more []action
				s, more = decide(s, logsKept{"tail"}, now)
				all = append(all, more...)
			}
		}
	}
	return s, all
}

// visible are the actions without the reports, in words.
func visible(actions []action) string {
	var words []string
	for _, a := range actions {
		switch a := a.(type) {
		case startListener:
			words = append(words, "start "+a.assignment.Runner)
		case sendSignal:
			words = append(words, map[Signal]string{Interrupt: "INT", Terminate: "TERM", Kill: "KILL"}[a.signal])
		case keepLogs:
			words = append(words, "keep")
		case leave:
			words = append(words, "leave")
		case report:
		}
	}
	return strings.Join(words, ", ")
}

func TestDecide(t *testing.T) {
	connected := []step{{0, assignment("r1")}, {1, listenerSaid{SaysListening}}}
	working := slices.Concat(connected, []step{{2, sees(true, true)}})
	for name, test := range map[string]struct {
		silent bool
		steps  []step
		want   string // the visible actions
		report agentapi.Report
	}{
		"an assignment starts a listener": {
			steps: []step{{0, assignment("r1")}}, want: "start r1",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerStarting},
		},
		"a repeated assignment does nothing": {
			steps: []step{{0, assignment("r1")}, {1, assignment("r1")}}, want: "start r1",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerStarting},
		},
		"a second assignment waits for the first listener's end": {
			steps: []step{{0, assignment("r1")}, {1, assignment("r2")}}, want: "start r1",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerStarting},
		},
		"a listener connects": {
			steps: connected, want: "start r1",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected},
		},
		"a job from its start to the goodbye": {
			steps: append(working[:3:3], step{60, listenerExited{0}}, step{63, passed{}}, step{64, sees(false, true)}, step{65, passed{}}),
			want:  "start r1, keep",
			report: agentapi.Report{
				Runner: "r1", Listener: agentapi.ListenerStopped, WorkerStarted: true, ExitCode: new(int), Done: true, Diagnostics: "tail",
			},
		},
		"a worker too short to be seen counts": {
			steps:  append(connected[:2:2], step{2, sees(false, true)}, step{2, listenerExited{0}}),
			want:   "start r1",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerStopped, WorkerStarted: true, ExitCode: new(int)},
		},
		"after the goodbye the machine ends by itself": {
			steps: append(working[:3:3], step{60, sees(false, true)}, step{60, listenerExited{0}}, step{64, passed{}}, step{124, passed{}}),
			want:  "start r1, keep, leave",
			report: agentapi.Report{
				Runner: "r1", Listener: agentapi.ListenerStopped, WorkerStarted: true, ExitCode: new(int), Done: true, Diagnostics: "tail",
			},
		},
		"stop ends a listener and confirms": { // rule 6.1
			steps:  append(connected[:2:2], step{5, order(agentapi.CommandStop)}, step{6, listenerExited{0}}),
			want:   "start r1, INT, keep",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerStopped, ExitCode: new(int), Diagnostics: "tail"},
		},
		"after a confirmed stop the next registration is served": { // rule 4.4
			steps:  append(connected[:2:2], step{5, order(agentapi.CommandStop)}, step{6, listenerExited{0}}, step{7, assignment("r2")}),
			want:   "start r1, INT, keep, start r2",
			report: agentapi.Report{Runner: "r2", Listener: agentapi.ListenerStarting},
		},
		"stop spares a worker": { // NeverKillBusy
			steps:  append(working[:3:3], step{5, order(agentapi.CommandStop)}, step{60, passed{}}),
			want:   "start r1",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected, WorkerStarted: true, WorkerRunning: true},
		},
		"a worker that starts while its listener is stopped is spared further signals": {
			steps:  append(connected[:2:2], step{5, order(agentapi.CommandStop)}, step{6, sees(true, true)}, step{60, passed{}}, step{90, passed{}}),
			want:   "start r1, INT",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected, WorkerStarted: true, WorkerRunning: true},
		},
		"a listener that does not stop is pressed": {
			steps:  append(connected[:2:2], step{5, order(agentapi.CommandStop)}, step{14, passed{}}, step{15, passed{}}, step{20, passed{}}, step{30, passed{}}),
			want:   "start r1, INT, TERM, KILL",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected},
		},
		"stop without a listener changes nothing": {
			steps: []step{{0, order(agentapi.CommandStop)}}, want: "",
			report: agentapi.Report{Listener: agentapi.ListenerNone},
		},
		"a listener that never connects is stopped": { // rule 4.5
			steps: []step{{0, assignment("r1")}, {89, passed{}}, {90, passed{}}}, want: "start r1, INT",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerStarting},
		},
		"a listener without a job is stopped in the end": {
			steps: append(connected[:2:2], step{900, passed{}}, step{901, passed{}}), want: "start r1, INT",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected},
		},
		"a listener that lost its registration is stopped when it stays": {
			steps: append(connected[:2:2], step{5, listenerSaid{SaysLost}}, step{24, passed{}}, step{25, passed{}}), want: "start r1, INT",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected},
		},
		"without contact the listener is stopped before the lease ends": { // rule 3.3
			silent: true,
			steps:  append(connected[:2:2], step{45, passed{}}, step{46, passed{}}), want: "start r1, INT",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected},
		},
		"without contact a worker goes on": { // rule 3.3
			silent: true,
			steps:  append(working[:3:3], step{46, passed{}}, step{1200, passed{}}), want: "start r1",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected, WorkerStarted: true, WorkerRunning: true},
		},
		"without contact an idle machine ends": {
			silent: true,
			steps:  []step{{599, passed{}}, {600, passed{}}}, want: "keep, leave",
			report: agentapi.Report{Listener: agentapi.ListenerNone, Done: true},
		},
		"a job over its time is cancelled, then ended": {
			steps:  append(working[:3:3], step{3601, passed{}}, step{3602, passed{}}, step{3661, passed{}}, step{3662, passed{}}, step{3692, passed{}}),
			want:   "start r1, INT, TERM, KILL",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected, WorkerStarted: true, WorkerRunning: true},
		},
		"drain without a job says goodbye": {
			steps: []step{{0, order(agentapi.CommandDrain)}, {1, assignment("r1")}}, want: "keep",
			report: agentapi.Report{Listener: agentapi.ListenerNone, Done: true, Diagnostics: "tail"},
		},
		"drain stops a listener without a job": {
			steps: append(connected[:2:2], step{5, order(agentapi.CommandDrain)}, step{6, listenerExited{0}}), want: "start r1, INT, keep",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerStopped, ExitCode: new(int), Done: true, Diagnostics: "tail"},
		},
		"drain lets a job finish": {
			steps:  append(working[:3:3], step{5, order(agentapi.CommandDrain)}, step{60, passed{}}),
			want:   "start r1",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected, WorkerStarted: true, WorkerRunning: true},
		},
		"power off ends everything": {
			steps: append(connected[:2:2], step{5, order(agentapi.CommandPowerOff)}), want: "start r1, KILL, keep, leave",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerConnected, Done: true},
		},
		"a refusal ends an idle machine": {
			steps: []step{{0, refusedByServer{"gone"}}}, want: "keep, leave",
			report: agentapi.Report{Listener: agentapi.ListenerNone, Done: true},
		},
		"a refusal lets a job finish": { // NeverKillBusy
			steps: append(working[:3:3], step{5, refusedByServer{"gone"}}, step{60, sees(false, true)}, step{60, listenerExited{0}}, step{65, passed{}}),
			want:  "start r1, keep, leave",
			report: agentapi.Report{
				Runner: "r1", Listener: agentapi.ListenerStopped, WorkerStarted: true, ExitCode: new(int), Done: true, Diagnostics: "tail",
			},
		},
		"a listener that cannot be started is a failure": {
			steps: []step{{0, assignment("r1")}, {0, startFailed{"no such file"}}}, want: "start r1, keep",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerStopped, Failure: "no such file", Done: true, Diagnostics: "tail"},
		},
		"a failed machine takes nothing": {
			steps: []step{{0, assignment("r1")}, {0, startFailed{"no such file"}}, {1, assignment("r2")}}, want: "start r1, keep",
			report: agentapi.Report{Runner: "r1", Listener: agentapi.ListenerStopped, Failure: "no such file", Done: true, Diagnostics: "tail"},
		},
		"a command of a newer control plane is passed over": {
			steps: []step{{0, order("dance")}}, report: agentapi.Report{Listener: agentapi.ListenerNone},
		},
		"a worker that outlives its listener is waited for, not for ever": {
			steps: append(working[:3:3], step{10, listenerExited{137}}, step{30, passed{}}, step{69, passed{}}, step{70, passed{}}),
			want:  "start r1, keep",
			report: agentapi.Report{
				Runner: "r1", Listener: agentapi.ListenerStopped, WorkerStarted: true, WorkerRunning: true, ExitCode: new(137),
				Done: true, Diagnostics: "tail",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, actions := play(ready(), test.silent, test.steps)
			if got := visible(actions); got != test.want {
				t.Errorf("did %q, want %q", got, test.want)
			}
			if diff := cmp.Diff(test.report, s.report(), cmpopts.IgnoreFields(agentapi.Report{}, "Phases")); diff != "" {
				t.Errorf("wrong report (-want +got):\n%s", diff)
			}
		})
	}
}

// TestExitCodes is the table of the official runner's codes, for a listener that no worker ran under.
func TestExitCodes(t *testing.T) {
	for _, test := range []struct {
		code    int
		want    string // after the first start, within three minutes
		failure bool
	}{
		{code: 0, want: "keep"},
		{code: 1, want: "keep"},
		{code: 2, want: "start r1, start r1, keep"}, // runner issue 3822: not for ever
		{code: 3, want: "start r1, start r1, keep"},
		{code: 4, want: "start r1, start r1, keep"},
		{code: 5, want: "keep"},
		{code: 6, want: "keep"},
		{code: 7, want: "keep", failure: true}, // failure mode G10
		{code: 100, want: "keep"},
		{code: 137, want: "keep"},
		{code: 255, want: "keep"},
	} {
		t.Run(meaning(test.code), func(t *testing.T) {
			s, _ := decide(ready(), assignment("r1"), start)
			var actions []action
			for second := 1; second < 180; second++ {
				now := start.Add(time.Duration(second) * time.Second)
				s.renewed = now
				var more []action
				if s.live() {
					s, more = decide(s, listenerExited{test.code}, now)
				} else {
					s, more = decide(s, passed{}, now)
				}
				for _, a := range more {
					if _, keeps := a.(keepLogs); keeps {
						s, _ = decide(s, logsKept{}, now)
					}
				}
				actions = append(actions, more...)
				if s.stage >= finished {
					break
				}
			}
			if got := visible(actions); got != test.want || (s.failure != "") != test.failure {
				t.Errorf("did %q with failure %q, want %q", got, s.failure, test.want)
			}
			if s.listener != agentapi.ListenerStopped || *s.exitCode != test.code {
				t.Errorf("reports %s with %v", s.listener, s.exitCode)
			}
		})
	}
}

func TestAStopBetweenTwoAttemptsEndsThem(t *testing.T) {
	s, actions := play(ready(), false, []step{{0, assignment("r1")}, {1, listenerExited{2}}, {2, order(agentapi.CommandStop)}, {60, passed{}}})
	if visible(actions) != "start r1" || s.listener != agentapi.ListenerStopped {
		t.Errorf("did %q and reports %s", visible(actions), s.listener)
	}
}

func TestAnUpdatedRunnerIsStartedAtOnce(t *testing.T) {
	s, actions := play(ready(), false, []step{
		{0, assignment("r1")}, {1, listenerExited{3}}, {2, passed{}}, {3, observed{Observation{Updated: true}}}, {3, passed{}},
	})
	if visible(actions) != "start r1, start r1" || s.attempts != 2 {
		t.Errorf("did %q", visible(actions))
	}
}

func TestPhasesAreBoundedAndKeepTheBeginning(t *testing.T) {
	s := ready()
	for _, name := range []string{"boot", "hello", "folder ready"} {
		s.phase(name, start, "")
	}
	for i := range 200 {
		s.note("again", start.Add(time.Duration(i)*time.Second), "")
	}
	if len(s.phases) > 64 || s.phases[0].Name != "boot" || s.phases[2].Name != "folder ready" {
		t.Errorf("%d phases, beginning with %v", len(s.phases), s.phases[:3])
	}
	if last := s.phases[len(s.phases)-1]; !last.At.Equal(start.Add(199 * time.Second)) {
		t.Errorf("the last is %v", last)
	}
}

func TestListen(t *testing.T) {
	for line, want := range map[string]Saying{
		"√ Connected to GitHub":                        SaysNothing,
		"2026-01-02 03:04:05Z: Listening for Jobs":     SaysListening,
		"2026-01-02 03:04:05Z: Running job: build":     SaysRunning,
		"...: Job build completed with result: Failed": SaysCompleted,
		"Failed to create a session. The runner registration has been deleted from the server, please re-configure.": SaysLost,
		"": SaysNothing,
	} {
		if got := listen(line); got != want {
			t.Errorf("listen(%q) = %d, want %d", line, got, want)
		}
	}
}
