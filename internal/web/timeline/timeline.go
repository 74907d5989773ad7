// Package timeline puts the times of a job and of its machine on one line: how long each step took from the moment that
// GitHub made the job to the end of the machine. It is pure.
package timeline

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Kind says what a span is spent on.
type Kind string

// The kinds of spans: nothing happens, a machine is made ready, the job runs, the machine ends.
const (
	Wait    Kind = "wait"
	Prepare Kind = "prepare"
	Run     Kind = "run"
	End     Kind = "end"
)

// Span is one step. Open says that it lasts still, and To is now.
type Span struct {
	Label    string
	Kind     Kind
	From, To time.Time
	Open     bool
}

// Duration is how long the step took, or has taken so far.
func (s Span) Duration() time.Duration { return s.To.Sub(s.From) }

// Part is a stretch of time with a scale of its own: seconds of preparation would be invisible beside hours of a job.
type Part struct {
	Title    string
	From, To time.Time
	Spans    []Span
	Open     bool
}

// Duration is that of the whole part.
func (p Part) Duration() time.Duration { return p.To.Sub(p.From) }

// Of returns the parts of a job's time: until it started, and from then on. The machine is nil if the job has none that is
// known.
func Of(j fleet.Job, m *fleet.Machine, now time.Time) []Part {
	var before, after spans
	before.now, after.now = now, now
	arrived := first(j.Queued, learned(j))
	before.add("GitHub to here", Wait, j.Created, arrived, false)
	waits := j.Started.IsZero() && j.Ended.IsZero()
	if m != nil {
		toMachine(&before, j, *m, arrived)
	} else {
		before.add(waitLabel(j), Wait, arrived, first(j.Started, j.Ended), waits)
	}
	if !j.Started.IsZero() {
		from, to := ran(j, m)
		after.add("The job runs", Run, from, to, j.Ended.IsZero())
		if m != nil && !j.Ended.IsZero() {
			after.add("Its machine ends", End, to, m.Ended, m.Live())
		}
	}
	var out []Part
	if p, ok := before.part("Until it started"); ok {
		out = append(out, p)
	}
	if p, ok := after.part("From the start to the end of the machine"); ok {
		out = append(out, p)
	}
	return out
}

// ran is from when to when a job ran. GitHub's times are whole seconds: a job that took less has the same one twice, and its
// machine knows better.
func ran(j fleet.Job, m *fleet.Machine) (from, to time.Time) {
	if m == nil || m.WorkerStarted.IsZero() || j.Ended.IsZero() || j.Ended.After(j.Started) {
		return j.Started, j.Ended
	}
	to = m.JobEnded
	if m.Retire != nil && !to.After(m.WorkerStarted) {
		to = m.Retire.Since
	}
	return m.WorkerStarted, to
}

// toMachine adds the steps from the queue to the runner that took the job. A machine that was there before the job needs no
// launch.
func toMachine(out *spans, j fleet.Job, m fleet.Machine, arrived time.Time) {
	if m.Launched.After(arrived) {
		out.add("Decided and ordered", Wait, arrived, m.Launched, false)
		out.add("The machine starts", Prepare, m.Launched, m.Ready, m.State == fleet.MachineStarting)
		out.add("Waits for a job", Wait, m.Ready, m.Assigned, m.State == fleet.MachineReady)
	} else {
		out.add("Waits for a machine", Wait, arrived, m.Assigned, false)
	}
	handed := handedOut(m, j.Runner)
	out.add("Registered at GitHub", Prepare, m.Assigned, handed, m.State == fleet.MachineAssigned)
	out.add("The runner starts", Prepare, handed, m.Connected, m.State == fleet.MachineAssigned)
	taken := m.WorkerStarted
	if taken.IsZero() || !j.Started.IsZero() && j.Started.Before(taken) && j.Started.After(m.Connected) {
		taken = j.Started
	}
	out.add("Listens for the job", Wait, m.Connected, taken, m.State == fleet.MachineListening && j.Started.IsZero())
}

// Machine returns the part of a machine's own life.
func Machine(m fleet.Machine, now time.Time) []Part {
	s := spans{now: now}
	failed := m.State == fleet.MachineFailed
	s.add("The machine starts", Prepare, m.Launched, first(m.Ready, failedAt(m)), m.State == fleet.MachineStarting)
	s.add("Waits for a job", Wait, m.Ready, first(m.Assigned, ended(m)), m.State == fleet.MachineReady)
	handed := handedOut(m, "")
	s.add("Registered at GitHub", Prepare, m.Assigned, handed, m.State == fleet.MachineAssigned && handed.IsZero())
	s.add("The runner starts", Prepare, handed, m.Connected, m.State == fleet.MachineAssigned)
	s.add("Listens for a job", Wait, m.Connected, first(m.WorkerStarted, ended(m)), m.State == fleet.MachineListening)
	finished := ended(m)
	if !m.JobEnded.IsZero() && m.JobEnded.After(m.WorkerStarted) {
		finished = m.JobEnded
	}
	s.add("The job runs", Run, m.WorkerStarted, finished, m.State == fleet.MachineWorking)
	if !failed {
		s.add("The machine ends", End, finished, m.Ended, m.Live() && m.State == fleet.MachineRetiring)
	}
	if p, ok := s.part("From its launch to its end"); ok {
		return []Part{p}
	}
	return nil
}

func ended(m fleet.Machine) time.Time {
	if m.Retire != nil {
		return m.Retire.Since
	}
	return m.Ended
}

func failedAt(m fleet.Machine) time.Time {
	if m.State == fleet.MachineFailed {
		return m.Since
	}
	return time.Time{}
}

func waitLabel(j fleet.Job) string {
	switch {
	case j.Problem != nil:
		return "Refused"
	case j.State == fleet.JobWaiting:
		return "Held by GitHub"
	default:
		return "Waits for a machine"
	}
}

// learned is when the fleet first heard of the job.
func learned(j fleet.Job) time.Time {
	if len(j.History) == 0 {
		return j.Created
	}
	return j.History[0].At
}

// handedOut is when the registration was given to the agent: the one with this name, else the newest.
func handedOut(m fleet.Machine, runner string) time.Time {
	var at time.Time
	for _, r := range m.Runners {
		if r.Name == runner && !r.HandedOut.IsZero() {
			return r.HandedOut
		}
		if !r.HandedOut.IsZero() {
			at = r.HandedOut
		}
	}
	return at
}

// spans collects steps that have both ends.
type spans struct {
	now  time.Time
	list []Span
}

// add leaves out a step that has not begun, or that took no time. One whose end is unknown is there only if it lasts still.
func (s *spans) add(label string, kind Kind, from, to time.Time, open bool) {
	if from.IsZero() {
		return
	}
	lasts := to.IsZero()
	if lasts {
		if !open {
			return
		}
		to = s.now
	}
	if !to.After(from) {
		return // GitHub's clock and ours are two
	}
	s.list = append(s.list, Span{Label: label, Kind: kind, From: from, To: to, Open: lasts})
}

func (s *spans) part(title string) (Part, bool) {
	if len(s.list) == 0 {
		return Part{}, false
	}
	p := Part{Title: title, Spans: s.list, From: s.list[0].From, To: s.list[0].To}
	for _, x := range s.list {
		if x.From.Before(p.From) {
			p.From = x.From
		}
		if x.To.After(p.To) {
			p.To = x.To
		}
		p.Open = p.Open || x.Open
	}
	return p, true
}

func first(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
