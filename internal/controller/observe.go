package controller

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Observer is told what happened, for metrics. It is told after the fact and within the controller's own work, so its
// methods must neither block nor fail. Nothing that it is told names a job, a run, a runner or an instance.
type Observer interface {
	// JobMoved is told of every job that is new to the rows and of every change of a job's state.
	JobMoved(m JobMove)
	// LaunchCalled is told of every call to the provider, repeats included.
	LaunchCalled(c LaunchCall)
	// PlacesSettled is told how many places of a launch got a machine, or failed with the provider's code.
	PlacesSettled(p Places)
	// MachineReady is told how long a machine took from its launch to its agent's hello.
	MachineReady(m fleet.Market, boot time.Duration)
	// MachineEnded is told of every machine that is gone or has failed.
	MachineEnded(e MachineEnd)
	// Minted is told what came of each attempt to register a runner.
	Minted(o MintOutcome)
	// Deregistered is told what GitHub answered to each request to delete a registration.
	Deregistered(o DeletionOutcome)
	// Reconciled is told of each reconcile of a shape: how long it took, and how often another writer was faster.
	Reconciled(took time.Duration, conflicts int)
	// Swept is told of each pass of a periodic work; err is nil if it came to its end.
	Swept(s Sweep, took time.Duration, err error)
	// FellBack is told of each fallback that was taken.
	FellBack(f Fallback)
}

// JobMove is a job that was written with a state it did not have.
type JobMove struct {
	State      fleet.JobState
	Conclusion string // GitHub's, of a completed job; may be any text
	// Asked is true if an answer of GitHub said so, false if a webhook did.
	Asked bool
	// Started is true for the move to in_progress; Waited is then how long the job was queued before.
	Started bool
	Waited  time.Duration
}

// LaunchCall is one call to the provider.
type LaunchCall struct {
	Market  fleet.Market
	Outcome LaunchOutcome
	// Waits are the times from a delivery to the start of this call: one for each job whose delivery led to the launch, none
	// for a repeat and for jobs that had to wait for room first.
	Waits []time.Duration
}

// LaunchOutcome is what came of a call to the provider.
type LaunchOutcome string

// The outcomes. Unanswered means unknown: the call is repeated with the same bytes.
const (
	LaunchAnswered   LaunchOutcome = "answered"
	LaunchRefused    LaunchOutcome = "refused"
	LaunchUnanswered LaunchOutcome = "unanswered"
)

// LaunchOutcomes lists them all.
func LaunchOutcomes() []LaunchOutcome {
	return []LaunchOutcome{LaunchAnswered, LaunchRefused, LaunchUnanswered}
}

// Places are places of a launch that are no longer outstanding. Code is empty for those that got a machine, otherwise the
// provider's, which may be any text.
type Places struct {
	Market fleet.Market
	Code   string
	Count  int
}

// MachineEnd is the end of a machine.
type MachineEnd struct {
	State  fleet.MachineState // gone or failed
	Worked bool               // it ran a job
	Reason EndReason
}

// MintOutcome is what came of an attempt to register a runner.
type MintOutcome string

// The outcomes. After an unknown one the name is burnt (rule 4.2).
const (
	MintDone      MintOutcome = "registered"
	MintNoBudget  MintOutcome = "no_budget"
	MintRefused   MintOutcome = "refused"
	MintNameTaken MintOutcome = "name_taken"
	MintUnknown   MintOutcome = "unknown"
)

// MintOutcomes lists them all.
func MintOutcomes() []MintOutcome {
	return []MintOutcome{MintDone, MintNoBudget, MintRefused, MintNameTaken, MintUnknown}
}

// DeletionOutcome is what GitHub answered to a request to delete a registration.
type DeletionOutcome string

// The outcomes.
const (
	DeletionDone    DeletionOutcome = "deleted"
	DeletionAbsent  DeletionOutcome = "absent"
	DeletionBusy    DeletionOutcome = "busy"
	DeletionUnknown DeletionOutcome = "unknown"
)

// DeletionOutcomes lists them all.
func DeletionOutcomes() []DeletionOutcome {
	return []DeletionOutcome{DeletionDone, DeletionAbsent, DeletionBusy, DeletionUnknown}
}

// Sweep is a periodic work.
type Sweep string

// The periodic works.
const (
	SweepDue           Sweep = "due_rows"
	SweepShapes        Sweep = "shapes"
	SweepGitHub        Sweep = "github"
	SweepProvider      Sweep = "provider"
	SweepRegistrations Sweep = "registrations"
	SweepPools         Sweep = "pools"
)

// Sweeps lists them all.
func Sweeps() []Sweep {
	return []Sweep{SweepDue, SweepShapes, SweepGitHub, SweepProvider, SweepRegistrations, SweepPools}
}

// unobserved is the observer of a controller that has none.
type unobserved struct{}

func (unobserved) JobMoved(JobMove)                         {}
func (unobserved) LaunchCalled(LaunchCall)                  {}
func (unobserved) PlacesSettled(Places)                     {}
func (unobserved) MachineReady(fleet.Market, time.Duration) {}
func (unobserved) MachineEnded(MachineEnd)                  {}
func (unobserved) Minted(MintOutcome)                       {}
func (unobserved) Deregistered(DeletionOutcome)             {}
func (unobserved) Reconciled(time.Duration, int)            {}
func (unobserved) Swept(Sweep, time.Duration, error)        {}
func (unobserved) FellBack(Fallback)                        {}
