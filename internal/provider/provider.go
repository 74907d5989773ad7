// Package provider is the interface to what machines come from: local processes, a simulated cloud, EC2. Backends are in
// the folders beside this file; providertest is the suite that each of them passes.
package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Request asks for machines. Its LaunchID is the idempotency token: a repeat with the same fields yields the same
// instances, a repeat with others is refused (ErrTokenReused).
type Request struct {
	LaunchID string       `json:"launch_id"` // at most 64 ASCII characters
	Site     fleet.Site   `json:"site"`
	Market   fleet.Market `json:"market,omitempty"`
	Spec     fleet.Spec   `json:"spec"`
	Count    int          `json:"count"` // 1 to 90 (rule 1.12)
	// Pool is the pool that the machines are for; empty if they are for jobs, those that name a pool in their label included.
	Pool string `json:"pool,omitempty"`
	// Frozen is what a Freezer made of the fields above when the launch was decided; nothing if the provider is none.
	Frozen json.RawMessage `json:"frozen,omitempty"`
}

// Freezer is a Provider whose call says more than the request: types in the order of today's prices, the newest image. All that
// changes between two repeats, which have to send identical bytes (rule 2.2), so it is written into the launch's row with the
// request and comes back in Request.Frozen.
type Freezer interface {
	// Freeze says what the call of a launch will be. It makes no call and is quick: it runs while a decision is made. On an
	// error the launch goes on without, and Launch says what is wrong with the request.
	Freeze(r Request) (json.RawMessage, error)
}

// Answer holds what was created and what was not, often both at once. The counts add up to the request's.
type Answer struct {
	Instances []Instance
	Errors    []LaunchError
}

// LaunchError is one reason why places of a launch stayed empty. Code is the provider's own (InsufficientInstanceCapacity).
type LaunchError struct {
	Code    string
	Message string
	Count   int
}

// State is an instance's life as the provider sees it, in EC2's terms.
type State string

// The states.
const (
	Pending      State = "pending"
	Running      State = "running"
	Stopping     State = "stopping"
	Stopped      State = "stopped"
	ShuttingDown State = "shutting-down"
	Terminated   State = "terminated"
)

// Live says whether the instance exists or may come back to life.
func (s State) Live() bool { return s != ShuttingDown && s != Terminated }

// Instance is one machine as the provider sees it.
type Instance struct {
	ID       string // unique within the site, at most 32 characters of [a-z0-9-]
	LaunchID string
	Site     fleet.Site
	State    State
	Type     string // instance type; "local" for a process
	Market   fleet.Market
	Launched time.Time
	Reason   string // why it ended, as far as the provider says
}

// Provider is implemented by each backend. Errors that are none of the below mean *unknown*.
type Provider interface {
	// Launch creates machines. An error means that nothing is known of the outcome, unless it is one of the below.
	Launch(ctx context.Context, r Request) (Answer, error)
	// Terminate ends instances for good; those that are gone already are no error.
	Terminate(ctx context.Context, site fleet.Site, ids []string) error
	// List returns every instance of this fleet at the site, those that ended lately included.
	List(ctx context.Context, site fleet.Site) ([]Instance, error)
	// Free says how many more machines of the spec could be launched now; a provider that cannot know returns Unlimited.
	Free(ctx context.Context, site fleet.Site, spec fleet.Spec) (int, error)
	// ConsoleLog returns what the machine printed while it booted, at most 64 KiB from its end; empty if there is none.
	ConsoleLog(ctx context.Context, site fleet.Site, id string) ([]byte, error)
}

// Unlimited is the answer of Free when the provider knows no limit.
const Unlimited = 1 << 30

// ErrTokenReused says that a launch id was used with other fields (EC2: IdempotentParameterMismatch).
var ErrTokenReused = errors.New("launch id was used with a different request")

// ErrInvalid wraps a request that no repetition will make valid, such as an architecture that the site does not have.
var ErrInvalid = errors.New("invalid launch request")

// Error makes a LaunchError an error.
func (e LaunchError) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }
