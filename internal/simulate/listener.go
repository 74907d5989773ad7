package simulate

import (
	"fmt"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// assign starts a listener, once for each registration.
func (m *machine) assign(a *agentapi.Assignment) {
	if a == nil || a.Runner == m.runner {
		return // a repeated order is done already
	}
	if m.worker.started || m.state == agentapi.ListenerStarting || m.state == agentapi.ListenerConnected || m.agent.done {
		return
	}
	m.runner, m.secret, m.maximum = a.Runner, a.JITConfig, a.MaxRuntime
	m.state, m.since, m.stopping = agentapi.ListenerStarting, m.w.s.now, false
	m.phase("listener started")
	m.stubborn = m.w.strikes(ListenerStubborn)
	m.wasStubborn = m.wasStubborn || m.stubborn
	m.w.history.add(m.inst.ID, "%s starts the listener %s", m.inst.ID, m.runner)
	name := m.runner
	if !m.stubborn {
		m.after(m.w.agenty.between(500*time.Millisecond, 6*time.Second), "connects", func() { m.connect(name) })
	}
	m.news()
}

// connect opens the listener's session at GitHub.
func (m *machine) connect(name string) {
	if !m.live() || !m.agent.runs || m.runner != name || m.state != agentapi.ListenerStarting || m.stopping {
		return
	}
	gh := m.w.hub.gh
	runner, err := gh.Authenticate(m.secret)
	if err == nil {
		m.session, err = gh.OpenSession(runner, m.w.s.now)
	}
	if err != nil {
		m.unregistered = m.unregistered || !m.w.hub.deleted[name]
		m.w.history.add(m.inst.ID, "%s: listener %s is refused: %v", m.inst.ID, name, err)
		m.stopped()
		return
	}
	m.gh, m.deaf = runner, m.w.strikes(ListenerDeaf)
	gh.Poll(runner, m.session, 1, m.w.s.now)
	m.state, m.since = agentapi.ListenerConnected, m.w.s.now
	m.w.hub.listeners = append(m.w.hub.listeners, m)
	m.phase("connected")
	m.w.history.add(m.inst.ID, "%s: listener %s is connected", m.inst.ID, name)
	m.news()
	m.w.hub.advance()
}

// listen looks whether GitHub has sent the listener a job, or has forgotten it.
func (m *machine) listen() {
	if m.session == "" || m.worker.started {
		return
	}
	if job := m.gh.Job(); job != nil {
		m.given = job.ID
	}
	id, err := m.w.hub.gh.Message(m.gh, m.session, m.w.s.now)
	switch {
	case err != nil:
		m.unregistered = m.unregistered || !m.w.hub.deleted[m.gh.Name]
		session := m.session
		m.after(m.w.agenty.between(time.Second, 30*time.Second), "notices", func() {
			if m.session == session && !m.worker.started && m.live() && m.agent.runs {
				m.w.history.add(m.inst.ID, "%s: listener %s ends: %v", m.inst.ID, m.runner, err)
				m.stopped()
			}
		})
		m.unlist()
	case id != 0 && m.deaf:
	case id != 0 && id != m.worker.message:
		m.worker.message = id
		m.after(m.w.agenty.between(20*time.Millisecond, 700*time.Millisecond), "acquires", func() { m.acquire(id) })
	}
}

// acquire takes the job and starts its worker.
func (m *machine) acquire(id int64) {
	if m.session == "" || !m.live() || m.worker.started {
		return
	}
	m.worker.message = 0
	job, err := m.w.hub.gh.Acquire(m.gh, m.session, id, m.w.s.now)
	if err != nil {
		return
	}
	m.w.check.listening(m)
	m.worker.started, m.worker.running, m.worker.job, m.worker.began = true, true, id, m.w.s.now
	m.ran, m.stopping = true, false
	m.phase("job started")
	m.w.check.surplus.ran(m)
	m.w.history.add(m.inst.ID, "%s: the worker of %s starts job %d", m.inst.ID, m.runner, job.ID)
	m.after(m.w.durationOf(id), "finishes", func() { m.finish(world.Success) })
	m.after(time.Minute, "renews", m.renew)
	m.news()
	m.w.hub.advance()
}

// renew is the running job's sign of life.
func (m *machine) renew() {
	if !m.worker.running || m.worker.over {
		return
	}
	cancelled, err := m.w.hub.gh.Renew(m.gh, m.worker.job, "", m.w.s.now)
	if err != nil || cancelled {
		m.finish(world.Cancelled)
		return
	}
	m.after(time.Minute, "renews", m.renew)
}

// finish ends the job, and the listener with it.
func (m *machine) finish(c world.Conclusion) {
	if !m.worker.running {
		return
	}
	if m.worker.over {
		m.exit()
		return
	}
	err := m.w.hub.gh.Complete(m.gh, m.worker.job, world.Result{Conclusion: c}, m.w.s.now)
	m.w.history.add(m.inst.ID, "%s: job %d ends: %s %s", m.inst.ID, m.worker.job, c, text(err))
	m.w.hub.advance()
	if lingers, d := m.w.strikes(WorkerLingers), m.w.agenty.between(time.Minute, 5*time.Minute); lingers && m.live() && m.agent.runs {
		m.worker.over = true
		m.after(d, "lingered", m.exit)
		return
	}
	m.exit()
}

// exit is the end of the worker's process, and of the listener with it.
func (m *machine) exit() {
	if !m.worker.running {
		return
	}
	m.worker.running = false
	m.listenerGone()
	m.state = agentapi.ListenerStopped
	m.phase("job ended")
	if m.speaks() {
		m.news()
		m.after(linger, "says goodbye", func() {
			if m.speaks() {
				m.agent.done, m.agent.doneAt = true, m.w.s.now
				m.news()
			}
		})
	}
	m.w.hub.advance()
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprintf("(%v)", err)
}

// stop ends the listener, unless a worker runs or ran. It takes a moment, in which a job may still come.
func (m *machine) stop(why string) {
	if m.worker.started || m.stopping {
		return
	}
	if m.state != agentapi.ListenerStarting && m.state != agentapi.ListenerConnected {
		return
	}
	m.stopping = true
	m.w.history.add(m.inst.ID, "%s: listener %s is to stop: %s", m.inst.ID, m.runner, why)
	wait := m.w.agenty.between(100*time.Millisecond, 3*time.Second)
	if m.w.strikes(ListenerStopsSlowly) {
		wait += m.w.agenty.between(time.Second, 25*time.Second)
	}
	name := m.runner
	m.after(wait, "has stopped", func() {
		if m.live() && m.agent.runs && m.runner == name && m.stopping && !m.worker.started {
			m.stopped()
		}
	})
}

// stopped is the end of a listener that never had a job.
func (m *machine) stopped() {
	m.listenerGone()
	m.state, m.since, m.stopping = agentapi.ListenerStopped, m.w.s.now, false
	m.news()
}

// listenerGone closes the listener's session as a process that ends does; a machine that vanishes cannot.
func (m *machine) listenerGone() {
	m.unlist()
	if m.session == "" {
		return
	}
	gh := m.w.hub.gh
	gh.Poll(m.gh, m.session, -1, m.w.s.now)
	if m.live() && m.agent.runs {
		gh.CloseSession(m.gh, m.session, m.w.s.now)
	}
	m.session = ""
}

func (m *machine) unlist() {
	if i := slices.Index(m.w.hub.listeners, m); i >= 0 {
		m.w.hub.listeners = slices.Delete(m.w.hub.listeners, i, i+1)
	}
}

// killAgent ends the agent's process; its listener and worker share its process namespace and die with it.
func (m *machine) killAgent() {
	m.fault, m.silentSince = "agent killed", m.w.s.now
	m.w.history.add(m.inst.ID, "%s: its agent is killed", m.inst.ID)
	m.die()
}

// hangAgent stops the agent's process while its listener and worker go on.
func (m *machine) hangAgent() {
	m.fault, m.silentSince = "agent hung", m.w.s.now
	m.agent.hung = true
	m.w.history.add(m.inst.ID, "%s: its agent hangs", m.inst.ID)
	if m.agent.flight != nil { // the connection stays open for a while: nobody answers it
		m.agent.flight.giveUp()
		m.agent.flight = nil
	}
}

// cutOff keeps the agent from us, not from GitHub.
func (m *machine) cutOff(d time.Duration) {
	m.fault = "agent cut off"
	m.agent.cut = m.w.s.now.Add(d)
	m.w.history.add(m.inst.ID, "%s: it does not reach us for %s", m.inst.ID, d)
	if c := m.agent.flight; c != nil {
		c.cancel() // the server sees the connection break at some point; the agent waits for its time limit
	}
}
