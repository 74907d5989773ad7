package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// GitHub is what the controller needs of GitHub. Errors are one of those below where the controller decides on them; any
// other error means *unknown*: the call may have had its effect.
type GitHub interface {
	// Mint registers a just-in-time runner. It is never repeated blindly: after an unknown outcome the name is burnt.
	Mint(ctx context.Context, r MintRequest) (Registration, error)
	// DeleteRunner removes a registration by its id. A *busy* runner is kept, an absent one is Absent.
	DeleteRunner(ctx context.Context, repository fleet.Repository, id int64) (Deletion, error)
	// FindRunner returns the registration of exactly this name, or ErrNoRunner.
	FindRunner(ctx context.Context, repository fleet.Repository, name string) (RunnerTruth, error)
	// Runners lists all registrations of the repository's scope.
	Runners(ctx context.Context, repository fleet.Repository) ([]RunnerTruth, error)
	// Job asks for one job: an authoritative sighting, or ErrNoJob.
	Job(ctx context.Context, repository fleet.Repository, id int64) (fleet.Sighting, error)
	// RunJobs lists the jobs of a run's latest attempt: authoritative sightings.
	RunJobs(ctx context.Context, repository fleet.Repository, run int64) ([]fleet.Sighting, error)
	// LiveRuns lists the ids of the repository's runs that are queued, in progress, waiting or pending. It asks
	// conditionally; changed is false when nothing has changed since the last call, in which case runs are those known.
	LiveRuns(ctx context.Context, repository fleet.Repository) (runs []int64, changed bool, err error)
	// Report puts a finding on a commit: a check run with an App, a commit status with a personal token.
	Report(ctx context.Context, r CommitReport) error
	// CancelRun cancels a run; one that is over is no error.
	CancelRun(ctx context.Context, repository fleet.Repository, run int64) error
}

// MintRequest asks for one registration with exactly these labels.
type MintRequest struct {
	Repository fleet.Repository
	Group      string // runner group by name, only at organisation scope; empty at repository scope
	Name       string
	Labels     []string
}

// Registration is a runner that GitHub knows. JITConfig is a secret.
type Registration struct {
	ID        int64
	Name      string
	JITConfig string
}

// Deletion is the answer to a DELETE of a runner.
type Deletion int

// The answers. Neither Deleted nor Absent proves that the runner is idle (rule 6.2).
const (
	Deleted Deletion = iota + 1
	Absent
	Busy
)

// RunnerTruth is a registration as GitHub lists it.
type RunnerTruth struct {
	ID     int64
	Name   string
	Online bool
	Busy   bool
	Labels []string
}

// CommitReport is one finding, shown once per (commit, Title).
type CommitReport struct {
	Repository fleet.Repository
	SHA        string
	Title      string // one line
	Summary    string // Markdown
	URL        string // of the dashboard's page, optional
	Failed     bool
}

// Errors of GitHub that the controller decides on.
var (
	ErrNoRunner  = errors.New("no such runner")
	ErrNoJob     = errors.New("no such job")
	ErrNameTaken = errors.New("a runner with this name exists already")
)

// RefusedError is a refusal that a repetition would meet again: permission, runner group, validation (rule 4.6).
type RefusedError struct {
	Status  int
	Message string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("GitHub refused (%d): %s", e.Status, e.Message)
}

// BudgetError says that the call was not made, or was turned away, for lack of budget: nothing has happened, and it may
// be made again at Until (rule 4.7).
type BudgetError struct {
	Until  time.Time
	Reason string // "primary limit", "secondary limit", "minting budget"
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("no budget at GitHub until %s: %s", e.Until.Format(time.RFC3339), e.Reason)
}
