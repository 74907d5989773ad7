package agent

import (
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// stage is how far the machine's life has come.
type stage int

const (
	serving   stage = iota // may take an assignment, or has one
	lingering              // the job is over; the runner may still upload (runner issue 4309)
	finished               // the goodbye is being reported
	ended                  // nothing is left to do
)

// state is everything that decides. It is a value: decide returns the next one.
type state struct {
	limits Limits
	stage  stage

	assignment agentapi.Assignment
	listener   agentapi.ListenerState
	attempts   int       // starts with this assignment
	startedAt  time.Time // of the running listener
	connected  time.Time
	retryAt    time.Time // when to start again with the same assignment; zero: not to
	exitCode   *int

	workerStarted bool
	workerRunning bool
	workerAt      time.Time

	stopping  string // why the listener is being stopped; empty: it is not
	stopAt    time.Time
	escalated int  // signals sent after the first
	overtime  bool // the stop is for the job's maximum runtime, so it does not spare the worker

	draining  bool
	refused   bool
	failure   string
	renewed   time.Time // beginning of the last poll that was answered
	stageAt   time.Time // beginning of the stage
	keeping   bool      // the logs are being kept
	stopAfter time.Duration

	phases      []agentapi.Phase
	diagnostics string
}

// event is one thing that happened.
type event interface{ isEvent() }

type (
	ordered struct {
		orders agentapi.Orders
		begun  time.Time // when the answered poll was begun: the lease counts from there
	}
	refusedByServer struct{ reason string }
	startFailed     struct{ reason string }
	listenerSaid    struct{ news Saying }
	listenerExited  struct{ code int }
	observed        struct{ now Observation }
	logsKept        struct{ tail string }
	passed          struct{} // time
)

func (ordered) isEvent()         {}
func (refusedByServer) isEvent() {}
func (startFailed) isEvent()     {}
func (listenerSaid) isEvent()    {}
func (listenerExited) isEvent()  {}
func (observed) isEvent()        {}
func (logsKept) isEvent()        {}
func (passed) isEvent()          {}

// action is one thing to do.
type action interface{ isAction() }

type (
	startListener struct{ assignment agentapi.Assignment }
	sendSignal    struct{ signal Signal }
	keepLogs      struct{}
	report        struct{} // the next poll must not wait
	leave         struct{ reason string }
)

func (startListener) isAction() {}
func (sendSignal) isAction()    {}
func (keepLogs) isAction()      {}
func (report) isAction()        {}
func (leave) isAction()         {}

// live says whether a listener process exists.
func (s *state) live() bool {
	return s.retryAt.IsZero() && (s.listener == agentapi.ListenerStarting || s.listener == agentapi.ListenerConnected)
}

// busy says whether anything of a job may be running.
func (s *state) busy() bool { return s.workerRunning || s.workerStarted && s.live() }

// phase notes a moment, the first time that it comes unless again is true.
func (s *state) phase(name string, at time.Time, detail string) {
	if slices.ContainsFunc(s.phases, func(p agentapi.Phase) bool { return p.Name == name }) {
		return
	}
	s.note(name, at, detail)
}

// note adds a moment that may come more than once. The oldest notes go when there are too many, except the first three:
// a machine's beginning explains most of its failures.
func (s *state) note(name string, at time.Time, detail string) {
	const most, first = 48, 3
	if len(s.phases) >= most {
		s.phases = slices.Concat(s.phases[:first:first], s.phases[first+1:])
	}
	s.phases = append(slices.Clip(s.phases), agentapi.Phase{Name: name, At: at, Detail: detail})
}

// report is the whole truth about the machine.
func (s *state) report() agentapi.Report {
	return agentapi.Report{
		Runner: s.assignment.Runner, Listener: s.listener,
		WorkerStarted: s.workerStarted, WorkerRunning: s.workerRunning, ExitCode: s.exitCode,
		Done: s.stage >= finished, Failure: s.failure, Phases: s.phases, Diagnostics: s.diagnostics,
	}
}
