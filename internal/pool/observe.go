package pool

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// Pool is a pool with when it has which size.
type Pool struct {
	fleet.Pool
	Schedule *schedule.Schedule
}

// Machine is what is known of one that belongs to the pool, or did when it was looked at.
type Machine struct {
	ID    string
	State fleet.MachineState
	Since time.Time // of State
	// Begun is when it was launched, or started after it had been stopped.
	Begun time.Time
	// Idle is since when it has had nothing to do: from when it was ready for the first time.
	Idle time.Time
	// Revision is the pool's when it was launched.
	Revision string
	// Bank says that it was launched to be stopped as soon as it has booted.
	Bank bool
}

// Observation is what there is at one moment.
type Observation struct {
	// Version identifies it: two of one version are the same.
	Version  uint64
	Machines []Machine
	// Outstanding are the places of launches that have neither a machine nor an error yet.
	Outstanding int
	// Room is how many more machines the environment and its provider have room for, and Waiting how many of those jobs
	// wait for already.
	Room    int
	Waiting int
	// Resting is why nothing may be launched now; empty if it may.
	Resting string
}

// Kind is what an action does.
type Kind string

// The kinds of actions.
const (
	Create    Kind = "create"
	Start     Kind = "start"
	Stop      Kind = "stop"
	Terminate Kind = "terminate"
	// Replace creates a machine for one of a former revision, which ends when the new one is there.
	Replace Kind = "replace"
)

// Action is one thing to do.
type Action struct {
	Kind Kind `json:"kind"`
	// Machine is the one that is started, stopped or ended.
	Machine string `json:"machine,omitempty"`
	// Count is how many are created or replaced, and Bank says that they are to be stopped as soon as they have booted.
	Count int  `json:"count,omitempty"`
	Bank  bool `json:"bank,omitempty"`
	// Reason is a sentence for people.
	Reason string `json:"reason"`
}

// Plan is what to do now.
type Plan struct {
	Actions []Action
	// Size is what the schedule says now and max allows; Target is what is aimed at, for what will apply soon.
	Size   schedule.Size
	Target schedule.Size
	// Limit is why something that is missing is not created, in a sentence for people; empty if nothing is held back.
	Limit string
	// Next is when to plan again though nothing has changed; zero if never.
	Next time.Time
}
