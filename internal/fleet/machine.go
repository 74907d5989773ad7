package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// MachineState is the life of a machine as the control plane sees it.
type MachineState string

// The states. The only edges backwards are those of rule 6.4. Stopping and stopped are for machines of pools (section 7).
const (
	MachineStarting  MachineState = "starting"
	MachineReady     MachineState = "ready"
	MachineAssigned  MachineState = "assigned"
	MachineListening MachineState = "listening"
	MachineWorking   MachineState = "working"
	MachineStopping  MachineState = "stopping"
	MachineStopped   MachineState = "stopped"
	MachineRetiring  MachineState = "retiring"
	MachineFailed    MachineState = "failed"
	MachineGone      MachineState = "gone"
)

// MachineID names a machine: the provider's id is unique within its site.
type MachineID struct {
	Site Site   `json:"site"`
	ID   string `json:"id"`
}

// String returns "environment/region/id".
func (m MachineID) String() string { return m.Site.String() + "/" + m.ID }

// ParseMachineID reads what MachineID.String wrote.
func ParseMachineID(text string) (MachineID, error) {
	environment, rest, _ := strings.Cut(text, "/")
	region, id, _ := strings.Cut(rest, "/")
	if environment == "" || region == "" || id == "" {
		return MachineID{}, fmt.Errorf("%q names no machine: ENVIRONMENT/REGION/ID is expected", text) //nolint:err113 // nobody decides on it
	}
	return MachineID{Site: Site{Environment: environment, Region: region}, ID: id}, nil
}

// Runner is one registration of a machine. A machine keeps every one that was ever written (rule 4.3).
type Runner struct {
	Name    string    `json:"name"`
	ID      int64     `json:"id,omitempty"` // GitHub's; 0 until a mint answered
	Written time.Time `json:"written"`
	// Repository is where it was registered: a machine may have been meant for another one before (rule 4.6).
	Repository Repository `json:"repository,omitzero"`
	// HandedOut is when its JIT config was sent to the agent, in the answer to the poll with this Sequence.
	HandedOut time.Time `json:"handed_out,omitzero"`
	Sequence  int64     `json:"sequence,omitempty"`
	// Deleted is when GitHub answered that the registration is gone.
	Deleted time.Time `json:"deleted,omitzero"`
}

// Retirement is how far a machine's end has come (section 6).
type Retirement struct {
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
	Confirmed bool      `json:"confirmed,omitempty"` // the agent's word: listener stopped, no worker ever
	Goodbye   bool      `json:"goodbye,omitempty"`   // the agent's word: everything has ended
	Answered  time.Time `json:"answered,omitzero"`   // when every DELETE had its 204 or 404
	Silent    bool      `json:"silent,omitempty"`    // DELETEs were sent without the agent's word
	Cleared   bool      `json:"cleared,omitempty"`   // nothing speaks against termination
}

// Machine is an instance, keyed by the provider's id.
type Machine struct {
	ID     MachineID    `json:"id"`
	Launch string       `json:"launch"`
	Shape  ShapeKey     `json:"shape"`
	OS     OS           `json:"os,omitempty"`
	Type   string       `json:"type,omitempty"`
	Market Market       `json:"market,omitempty"`
	State  MachineState `json:"state"`
	Since  time.Time    `json:"since"` // of State

	KeyHash string    `json:"key_hash,omitempty"`
	Lease   time.Time `json:"lease,omitzero"` // until when the agent has renewed it

	Launched time.Time `json:"launched"`
	Ready    time.Time `json:"ready,omitzero"`
	// Place is what the machine is kept for in a pool, until a job's shape takes it; then TakenFrom names the pool.
	Place     *PoolPlace `json:"place,omitempty"`
	TakenFrom string     `json:"taken_from,omitempty"`

	Demand     DemandKey     `json:"demand,omitempty"`
	Repository Repository    `json:"repository,omitzero"`
	Labels     []string      `json:"labels,omitempty"` // folded: what its runner could match
	MaxRuntime time.Duration `json:"max_runtime,omitempty"`
	Assigned   time.Time     `json:"assigned,omitzero"`
	Runners    []Runner      `json:"runners,omitempty"`
	// Word is the agent's since the last hand-out: the listener is stopped and no worker ever started (rule 4.4).
	Word bool `json:"word,omitempty"`

	Connected     time.Time `json:"connected,omitzero"`      // the listener of the newest registration
	WorkerStarted time.Time `json:"worker_started,omitzero"` // as the agent reports
	WorkerRunning bool      `json:"worker_running,omitempty"`
	Job           int64     `json:"job,omitempty"` // GitHub's truth: the job that it ran or runs
	JobNamed      time.Time `json:"job_named,omitzero"`
	JobEnded      time.Time `json:"job_ended,omitzero"` // a completed named its newest registration
	// HoldEnded says that a listing begun after the worker started has been applied in full (rule 1.3).
	HoldEnded bool `json:"hold_ended,omitempty"`

	Retire      *Retirement `json:"retire,omitempty"`
	Code        string      `json:"code,omitempty"` // of failed
	Diagnostics string      `json:"diagnostics,omitempty"`
	// Archive is when its logs are to be archived, or it is to be tried again; zero when nothing is left to do. Archived says
	// that its console log was.
	Archive  time.Time `json:"archive,omitzero"`
	Archived bool      `json:"archived,omitempty"`
	History  History   `json:"history,omitempty"`
	Ended    time.Time `json:"ended,omitzero"`
	// Sequence is that of the newest report applied: an older one that is still held says nothing new.
	Sequence int64 `json:"sequence,omitempty"`
	// Waits counts names taken back because GitHub's budget did not allow the call: they keep generations unique.
	Waits int `json:"waits,omitempty"`
	// NextMatch is when a listener without a job is looked at (rule 5.6).
	NextMatch time.Time `json:"next_match,omitzero"`
	// Again is before when nothing is tried again, after a call that failed.
	Again  time.Time `json:"again,omitzero"`
	Due    time.Time `json:"due,omitzero"`    // when it must be looked at again
	Absent time.Time `json:"absent,omitzero"` // since when the provider does not list it
}

// Bounds of a machine's life (protocol, section 9).
const (
	BootLinux    = 5 * time.Minute
	BootWindows  = 15 * time.Minute
	LeaseLocal   = 60 * time.Second
	RenewLocal   = 20 * time.Second
	ConnectIn    = 90 * time.Second // rule 4.5
	AttributeIn  = 15 * time.Second // rule 1.4
	WorkerIn     = 60 * time.Second // rule 5.5
	MatchIn      = 60 * time.Second // rule 5.6
	SurplusFor   = 60 * time.Second // rule 1.10
	SilentDelete = 60 * time.Second // rule 6.2, after the lease
	SilentGets   = 120 * time.Second
	AskAgain     = 15 * time.Second // rule 6.1
	EndedFor     = 60 * time.Second // rule 6.3
	RuntimeGrace = 5 * time.Minute  // what the agent has to end an overlong job by itself
	MaxHandOuts  = 2                // rule 4.4
	MaxNames     = 5                // rule 4.4
)

// To moves the machine to a state.
func (m Machine) To(s MachineState, now time.Time, text string) Machine {
	m.State, m.Since = s, now
	m.History = m.History.Add(now, string(s), text)
	return m
}

// BootUntil is when a machine that said no hello has failed.
func (m Machine) BootUntil() time.Time {
	if m.OS == Windows {
		return m.Launched.Add(BootWindows)
	}
	return m.Launched.Add(BootLinux)
}

// Live says whether the machine may exist.
func (m Machine) Live() bool { return m.State != MachineGone && m.State != MachineFailed }

// Leased says whether the agent's lease is live.
func (m Machine) Leased(now time.Time) bool { return now.Before(m.Lease) }

// HeldFor returns the demand that the machine is held for, or none (rule 1.3).
func (m Machine) HeldFor(now time.Time) DemandKey {
	return m.Count().HeldFor(now)
}

// Newest returns the newest registration, or nil.
func (m *Machine) Newest() *Runner {
	if len(m.Runners) == 0 {
		return nil
	}
	return &m.Runners[len(m.Runners)-1]
}

// HandOuts counts the registrations whose JIT config was sent.
func (m Machine) HandOuts() int {
	n := 0
	for _, r := range m.Runners {
		if !r.HandedOut.IsZero() {
			n++
		}
	}
	return n
}

// MayRegister says whether a further registration is allowed, and whether the machine has used its last (rule 4.4).
func (m Machine) MayRegister() (allowed, spent bool) {
	if m.State != MachineAssigned || !m.WorkerStarted.IsZero() {
		return false, false
	}
	handed := m.HandOuts()
	if handed > 0 && !m.Word {
		return false, false
	}
	if handed >= MaxHandOuts || len(m.Runners) >= MaxNames {
		return false, true
	}
	return true, false
}

// Named says whether the machine ever had this name.
func (m Machine) Named(runner string) bool {
	return slices.ContainsFunc(m.Runners, func(r Runner) bool { return r.Name == runner })
}

// Undeleted returns the registrations that GitHub may still have.
func (m Machine) Undeleted() []Runner {
	var out []Runner
	for _, r := range m.Runners {
		if r.Deleted.IsZero() {
			out = append(out, r)
		}
	}
	return out
}

// Count is the part of a machine that a decision reads: it is copied into the shape's partition with every write.
type Count struct {
	ID        MachineID    `json:"id"`
	Launch    string       `json:"launch,omitempty"`
	Shape     ShapeKey     `json:"shape"`
	State     MachineState `json:"state"`
	Demand    DemandKey    `json:"demand,omitempty"`
	Lease     time.Time    `json:"lease,omitzero"`
	BootUntil time.Time    `json:"boot_until,omitzero"`
	Launched  time.Time    `json:"launched"`
	Worker    bool         `json:"worker,omitempty"`   // one has started
	Released  bool         `json:"released,omitempty"` // attributed, or the hold has ended
	// Place is that of a pool's machine, Ready since when it has been idle there, and Type what it is.
	Place *PoolPlace `json:"place,omitempty"`
	Ready time.Time  `json:"ready,omitzero"`
	Type  string     `json:"type,omitempty"`
}

// Count returns the machine's copy for the shape's partition.
func (m Machine) Count() Count {
	c := Count{
		ID: m.ID, Launch: m.Launch, Shape: m.Shape, State: m.State, Demand: m.Demand, Lease: m.Lease, BootUntil: m.BootUntil(),
		Launched: m.Launched, Worker: !m.WorkerStarted.IsZero(), Released: m.Job != 0 || m.HoldEnded,
	}
	if m.Place != nil {
		c.Place, c.Ready, c.Type = m.Place, m.Ready, m.Type
	}
	return c
}

// Counts says whether a decision must know the machine: it supplies, or it is held.
func (c Count) Counts() bool {
	if c.Place != nil { // until it is gone: a pool's max is of all that exists
		return c.State != MachineGone && c.State != MachineFailed
	}
	switch c.State {
	case MachineStarting, MachineReady:
		return true
	case MachineAssigned, MachineListening:
		return !c.Released
	default:
		return c.Worker && !c.Released && c.Demand != ""
	}
}

// HeldFor implements rule 1.3: before a worker starts, only while the lease is live and the machine is not retired; once
// one has started, until GitHub's truth or a full listing releases it.
func (c Count) HeldFor(now time.Time) DemandKey {
	if c.Released || c.Demand == "" {
		return ""
	}
	if c.Worker {
		return c.Demand
	}
	if (c.State == MachineAssigned || c.State == MachineListening) && now.Before(c.Lease) {
		return c.Demand
	}
	return ""
}

// Supplies says whether the machine will be able to take a demand (rule 1.7).
func (c Count) Supplies(now time.Time) bool {
	switch c.State {
	case MachineStarting:
		return now.Before(c.BootUntil)
	case MachineReady:
		return now.Before(c.Lease)
	default:
		return false
	}
}
