package sim

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// Instance is what the cloud says of one instance, at one moment. Its tags must not be changed.
type Instance struct {
	ID       string
	Token    string // of the request that created it
	Fleet    string // the id of the fleet that created it
	Pool     Pool
	Arch     fleet.Arch
	OS       fleet.OS
	Tags     map[string]string
	Launched time.Time
	Started  time.Time // last; it is Launched until it is stopped and started
	State    provider.State
	Since    time.Time // of the state
	Reason   string    // code of the last change of state, if the cloud gives one
	// Boots counts how often its operating system came up.
	Boots int
	// Rebalance and Interruption are the times of the signals in its metadata, zero without one. The interruption is when
	// the instance will be ended.
	Rebalance    time.Time
	Interruption time.Time
	Attached     any // as the request had it
}

// ReasonText is the reason in words, empty if there is none.
func (i Instance) ReasonText() string {
	if i.Reason == "" {
		return ""
	}
	return i.Reason + ": " + reasonText(i.Reason)
}

// change is one step of a machine's history.
type change struct {
	at     time.Time
	state  provider.State
	reason string
}

// due is a kind of what a machine has ahead of it.
type due int

// The kinds, in the order in which they happen when they are due at once.
const (
	dueRunning    due = iota
	dueDeath          // during launch
	dueBoot           // the agent's first sign of life
	dueRisk           // its luck has run out: a hint or a notice
	dueNotice         // the notice that follows a hint
	dueReclaim        // what the notice announced
	dueStopped        //
	dueTerminated     //
	dueKinds
)

// machine is an instance with its past and its future.
type machine struct {
	number    int
	id        string
	request   *FleetRequest
	fleet     string            // the id of its fleet
	tags      map[string]string // never changed, only replaced
	pool      *pool
	arch      fleet.Arch
	vcpu      int
	launched  time.Time
	visible   time.Time // when calls begin to know it
	forgotten time.Time // when they cease to; zero while it is not terminated
	history   []change
	due       [dueKinds]time.Time
	version   int // of its timer
	starts    int // how often it was launched or started
	boots     int
	up        bool   // its operating system runs
	told      bool   // Booted has said so
	dead      string // why its present boot never ends, empty if it does
	rebalance time.Time
	notice    time.Time // when it was noticed
	reclaim   time.Time
	risk      float64 // interruptions that it will still survive, on average
	riskSince time.Time
	dice      dice
}

func (m *machine) state() provider.State { return m.history[len(m.history)-1].state }

// next returns what is due first.
func (m *machine) next() (time.Time, due) {
	var at time.Time
	var kind due
	for k, t := range m.due {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at, kind = t, due(k)
		}
	}
	return at, kind
}

// clear forgets what is due.
func (m *machine) clear(kinds ...due) {
	for _, k := range kinds {
		m.due[k] = time.Time{}
	}
}

// on says whether the machine has power.
func (m *machine) on() bool { return m.state() == provider.Running || m.state() == provider.Pending }

// known says whether calls know the machine.
func (m *machine) known(now time.Time) bool {
	return !now.Before(m.visible) && (m.forgotten.IsZero() || now.Before(m.forgotten))
}

// view is the instance as it was at the time; ok is false if it did not exist.
func (m *machine) view(at time.Time) (Instance, bool) {
	if at.Before(m.launched) {
		return Instance{}, false
	}
	was, started := m.history[0], m.launched
	for _, c := range m.history {
		if !c.at.After(at) {
			was = c
			if c.state == provider.Pending {
				started = c.at
			}
		}
	}
	i := Instance{
		ID: m.id, Token: m.request.Token, Fleet: m.fleet, Attached: m.request.Attached, Pool: m.pool.Pool, Arch: m.arch, OS: m.request.OS, Tags: m.tags,
		Launched: m.launched, Started: started, State: was.state, Since: was.at, Reason: was.reason, Boots: m.boots,
	}
	if !m.rebalance.IsZero() && !at.Before(m.rebalance) {
		i.Rebalance = m.rebalance
	}
	if !m.notice.IsZero() && !at.Before(m.notice) {
		i.Interruption = m.reclaim
	}
	return i, true
}

// now is the instance as it is.
func (m *machine) now() Instance {
	last := m.history[len(m.history)-1].at
	for _, t := range []time.Time{m.rebalance, m.notice, m.launched} {
		if t.After(last) {
			last = t
		}
	}
	i, _ := m.view(last)
	return i
}
