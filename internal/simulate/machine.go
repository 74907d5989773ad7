package simulate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// machine is an instance with what runs on it: the agent, its listener, and the worker that has a job. It behaves as
// internal/agent does.
type machine struct {
	w        *World
	inst     provider.Instance
	created  time.Time
	listedAt time.Time
	ended    time.Time
	spec     fleet.Spec
	booted   time.Time // when its agent began
	slow     bool      // it boots late or never

	unlistedFrom, unlistedTo time.Time // when listings do not show it
	forgotten                bool      // the answer to its launch calls its place failed
	noticed                  bool      // it is to be reclaimed in two minutes
	document, signature      string    // that prove which instance it is

	agent struct {
		runs    bool
		hung    bool
		cut     time.Time // until when it does not reach us
		welcome bool
		refused bool
		failure string

		sequence int64
		flight   *call // the hello or poll in flight
		begun    time.Time
		fresh    bool // there is news that no poll has carried
		notYet   time.Time
		backoff  time.Duration
		renewed  time.Time // when the last poll that was answered began
		done     bool      // the goodbye was said
		doneAt   time.Time
		told     bool // a poll that was answered said that a worker runs
		phases   []agentapi.Phase
	}

	runner   string // the newest registration
	secret   string
	maximum  time.Duration
	state    agentapi.ListenerState
	stubborn bool
	deaf     bool

	wasStubborn  bool      // a listener of it did not connect
	unregistered bool      // GitHub forgot a registration of it by itself
	given        int64     // the newest job that GitHub assigned to it
	silentSince  time.Time // when its agent was killed or hung
	neverBoots   bool
	troubles     int // answers and registrations of it that were lost or refused
	stopping     bool
	since        time.Time // of the listener's state
	session      string
	gh           *world.Runner

	worker struct {
		started, running bool
		job              int64
		began            time.Time
		message          int64 // the job that the listener was sent
		over             bool  // GitHub was told that its job ended, and its process goes on
	}
	fault string // what was done to the machine, if anything
	ran   bool   // it had a job

	silenced bool // its agent could not renew and stopped the listener: the machine counts as lost
}

// stopAfter is how long an agent goes without renewal before it stops its listener (rule 3.3): three quarters of a lease.
const stopAfter = 45 * time.Second

// Bounds of internal/agent.
const (
	agentTick    = 5 * time.Second
	pollPace     = time.Second
	firstBackoff = time.Second
	lastBackoff  = 10 * time.Second
	helloLimit   = 5 * time.Minute
	connectLimit = 90 * time.Second
	idleLimit    = 15 * time.Minute
	goodbyeLimit = 60 * time.Second
	silenceLimit = 10 * time.Minute
	deadMan      = 15 * time.Minute // rule 3.4
	linger       = 4 * time.Second
)

func (m *machine) key() string { return "key-" + m.inst.ID }

func (m *machine) live() bool { return m.inst.State.Live() }

// listed says whether listings show the machine.
func (m *machine) listed(now time.Time) bool {
	return now.Before(m.unlistedFrom) || !now.Before(m.unlistedTo) || !m.w.faulty() // a gap is a fault: it ends with them
}

// speaks says whether the agent does anything at all.
func (m *machine) speaks() bool { return m.live() && m.agent.runs && !m.agent.hung }

func (m *machine) after(d time.Duration, what string, do func()) {
	m.w.s.after(d, m.inst.ID+" "+what, do)
}

// boot starts the agent.
func (m *machine) boot() {
	if !m.live() {
		return
	}
	var err error
	if m.document, m.signature, err = m.w.cloud.sim.Identity(m.inst.ID, m.w.s.now); err != nil {
		panic("simulate: " + err.Error()) // it has just come up
	}
	m.agent.runs, m.state, m.agent.renewed = true, agentapi.ListenerNone, m.w.s.now
	m.since, m.booted = m.w.s.now, m.w.s.now
	m.phase("boot")
	m.hello()
	m.after(agentTick, "tick", m.tick)
	m.after(deadMan, "dead-man timer", m.deadMan)
}

func (m *machine) hello() {
	if !m.speaks() || m.agent.welcome || m.agent.flight != nil {
		return
	}
	sum := sha256.Sum256([]byte(m.key()))
	h := agentapi.Hello{Document: m.document, Signature: m.signature, KeyHash: hex.EncodeToString(sum[:]), Version: "sim", OS: "linux", Arch: "amd64"}
	m.send("hello", func(ctx context.Context, r *replica) (any, error) {
		return say[agentapi.Welcome](ctx, r.server, agentapi.HelloPath, "", h)
	}, func(_ any, err error) {
		switch {
		case err == nil:
			m.w.check.welcomed(m)
			m.phase("hello")
			m.agent.welcome, m.agent.renewed, m.agent.backoff, m.agent.fresh = true, m.agent.begun, 0, true
			m.poll()
		case errors.Is(err, agentapi.ErrRefused), errors.Is(err, agentapi.ErrInvalid):
			m.leave("its hello was refused")
		default:
			m.retryLater(m.hello)
		}
	})
}

func (m *machine) retryLater(again func()) {
	m.agent.backoff = min(max(2*m.agent.backoff, firstBackoff), lastBackoff)
	wait := m.w.agenty.between(m.agent.backoff/2, m.agent.backoff)
	m.agent.notYet = m.w.s.now.Add(wait)
	m.after(wait, "again", again)
}

// send makes a call to some replica, which may not be reached and whose answer may be lost.
func (m *machine) send(what string, serve func(context.Context, *replica) (any, error), answered func(any, error)) {
	w := m.w
	m.agent.begun = w.s.now
	r := w.anyReplica()
	if w.s.now.Before(m.agent.cut) {
		r = nil
	}
	lost, reset := w.strikes(AnswerLost), w.fate.chance(0.5)
	if lost {
		m.troubles++
	}
	var c *call
	c = w.ask(r, m.inst.ID+" "+what, serve, func(v any, err error) {
		if m.agent.flight != c {
			return
		}
		if lost && reset {
			v, err = nil, errCut
		} else if lost || w.s.now.Before(m.agent.cut) && err == nil {
			return // the agent waits until its own time limit
		}
		w.s.events.cancel(c.limit)
		m.agent.flight = nil
		if m.speaks() {
			answered(v, err)
		}
	})
	m.agent.flight = c
	c.limit = w.s.after(agentapi.PollTimeout, m.inst.ID+" "+what+" time limit", func() {
		if m.agent.flight != c {
			return
		}
		m.agent.flight = nil
		c.giveUp()
		if m.speaks() {
			answered(nil, errCut)
		}
	})
}

// phase notes a step of the machine's life, which the next report tells of.
func (m *machine) phase(name string) {
	m.agent.phases = append(m.agent.phases, agentapi.Phase{Name: name, At: m.w.s.now})
}

// news gives the poll in flight up, so that the next one carries the new state.
func (m *machine) news() {
	m.agent.fresh = true
	if !m.speaks() || !m.agent.welcome {
		return
	}
	if m.agent.flight != nil {
		m.agent.flight.giveUp()
		m.agent.flight = nil
		m.agent.backoff, m.agent.notYet = 0, m.w.s.now
	}
	m.after(0, "news", m.poll)
}

// poll begins a poll, unless one is in flight or it is too early.
func (m *machine) poll() {
	a := &m.agent
	if !m.speaks() || !a.welcome || a.refused || a.flight != nil {
		return
	}
	now := m.w.s.now
	if now.Before(a.notYet) && (!a.fresh || a.backoff > 0) {
		m.after(a.notYet.Sub(now), "poll", m.poll)
		return
	}
	a.sequence++
	a.fresh = false
	report := agentapi.Report{
		Sequence: a.sequence, Runner: m.runner, Listener: m.state, WorkerStarted: m.worker.started, WorkerRunning: m.worker.running,
		Done: a.done, Failure: a.failure, Phases: slices.Clone(a.phases),
	}
	m.send("poll", func(ctx context.Context, r *replica) (any, error) {
		return say[agentapi.Orders](ctx, r.server, agentapi.PollPath, m.key(), report)
	}, func(v any, err error) {
		switch {
		case err == nil:
			a.backoff, a.notYet = 0, a.begun.Add(pollPace)
			if a.begun.After(a.renewed) {
				a.renewed = a.begun
			}
			a.told = report.WorkerRunning
			m.obey(v.(agentapi.Orders)) //nolint:forcetypeassert // what serve returns
			m.poll()
		case errors.Is(err, agentapi.ErrRefused):
			a.refused = true
			if !m.worker.running && m.state != agentapi.ListenerConnected {
				m.leave("its poll was refused")
			}
		default:
			m.retryLater(m.poll)
		}
	})
}

// obey carries an order out.
func (m *machine) obey(o agentapi.Orders) {
	switch o.Command {
	case agentapi.CommandAssign:
		m.assign(o.Assignment)
	case agentapi.CommandStop:
		m.stop("ordered")
	case agentapi.CommandPowerOff:
		m.leave("ordered")
	case agentapi.CommandNone, agentapi.CommandDrain:
	}
}

// leave ends the machine from within.
func (m *machine) leave(why string) {
	m.w.history.add(m.inst.ID, "%s powers itself off: %s", m.inst.ID, why)
	if m.worker.running {
		m.w.check.agentLeft(m, why)
	}
	m.w.cloud.powerOff(m)
}

// tick is the agent's watchdog.
func (m *machine) tick() {
	if !m.live() || !m.agent.runs {
		return
	}
	m.after(agentTick, "tick", m.tick)
	if m.agent.hung {
		return
	}
	now := m.w.s.now
	silent := now.Sub(m.agent.renewed)
	listens := m.state == agentapi.ListenerStarting || m.state == agentapi.ListenerConnected
	switch {
	case !m.agent.welcome:
		if now.Sub(m.since) >= helloLimit {
			m.leave("its hello was never answered")
		}
	case m.worker.running:
		if m.maximum > 0 && now.Sub(m.worker.began) >= m.maximum {
			m.finish(world.Failure)
		}
	case listens && silent > stopAfter:
		m.silenced = true
		m.stop("the lease cannot be renewed")
	case m.state == agentapi.ListenerStarting && now.Sub(m.since) >= connectLimit:
		m.stop("it did not connect")
	case m.state == agentapi.ListenerConnected && now.Sub(m.since) >= idleLimit:
		m.stop("it got no job")
	case m.agent.done:
		if now.Sub(m.agent.doneAt) >= goodbyeLimit {
			m.leave("nobody ended it after its goodbye")
		}
	case !listens && silent >= silenceLimit:
		m.leave("the control plane cannot be reached")
	}
}

// deadMan is the operating system's timer (rule 3.4).
func (m *machine) deadMan() {
	if !m.live() {
		return
	}
	left := m.agent.renewed.Add(deadMan).Sub(m.w.s.now)
	switch {
	case left > 0:
	case m.worker.running:
		left = time.Minute
	default:
		m.w.check.agentLeft(m, "its dead-man timer")
		m.w.history.add(m.inst.ID, "%s is powered off by its dead-man timer", m.inst.ID)
		m.w.cloud.powerOff(m)
		return
	}
	m.after(left, "dead-man timer", m.deadMan)
}

// die ends everything that runs on the machine.
func (m *machine) die() {
	m.agent.runs = false
	if m.agent.flight != nil {
		m.agent.flight.giveUp()
		m.agent.flight = nil
	}
	m.listenerGone()
	m.worker.running = false
}
