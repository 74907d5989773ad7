package githubsim

import (
	"crypto/rsa"
	"log/slog"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// The vocabulary of the state machine that users of the simulator need.
type (
	// Faults are the ways in which the simulated GitHub misbehaves.
	Faults = world.Faults
	// Duration is a duration in Faults, shown by JSON as "2m0s".
	Duration = world.Duration
	// RepositorySpec describes a repository to create.
	RepositorySpec = world.RepositorySpec
	// EnvironmentSpec describes a deployment environment.
	EnvironmentSpec = world.EnvironmentSpec
	// Trigger is the event that starts a run.
	Trigger = world.Trigger
)

// Options configure a simulator. The zero value of every field has a meaning.
type Options struct {
	Clock  seam.Clock   // the system's when nil
	Random seam.Random  // the system's when nil
	Logger *slog.Logger // discarded when nil
	// BaseURL is where the simulator is reached, such as http://127.0.0.1:8080; SetBaseURL sets it later.
	BaseURL string
	// Speedup divides GitHub's slow clocks: acknowledgement, queue limit, removal and expiry of registrations.
	Speedup        float64
	Faults         Faults
	App            *App // no App when nil: personal tokens only
	Webhook        Webhook
	PersonalTokens []PersonalToken
	Repositories   []RepositorySpec
	Groups         []GroupSpec // runner groups of organisations
	Downloads      []Download  // of the runner; three builds without content when nil
	Limits         Limits      // GitHub's own where zero
	Sender         Sender      // over HTTP when nil
	// ControlToken protects the control endpoints, which answer 404 when it is empty.
	ControlToken string
	// Passive starts no goroutine: time passes, and webhooks go out, only in Step.
	Passive bool
}

// App is the GitHub App under which the product acts.
type App struct {
	ID            int64
	Slug          string
	PublicKey     *rsa.PublicKey // of the key that signs its JWTs
	Installations []Installation // one for each owner, with all repositories, when nil
}

// Installation is the App's installation at one owner.
type Installation struct {
	ID           int64
	Account      string
	Repositories []string          // names it may see; all of the owner when nil
	Permissions  map[string]string // those that the product asks for when nil
}

// Webhook is where events go: the App's hook, or without an App one of every repository.
type Webhook struct {
	URL    string // no webhooks when empty
	Secret string
}

// PersonalToken is the token of a person.
type PersonalToken struct {
	Token        string
	Login        string
	Repositories []string          // full names it may see; all when nil
	Permissions  map[string]string // everything but checks when nil
}

// GroupSpec describes a runner group of an organisation.
type GroupSpec struct {
	Organization string
	Name         string
	Repositories []string // full names; all when nil
}

// Download is one build of the runner, served by the simulator itself.
type Download struct {
	OS           string // linux, win, osx
	Architecture string // x64, arm64
	Filename     string
	Content      []byte
}

// Limits are GitHub's rate limits.
type Limits struct {
	Core          int // requests an hour and token; 5,000
	Anonymous     int // requests an hour without a token; 60
	Points        int // points a minute, token and endpoint, a read costs 1 and a write 5; 900
	Registrations int // runner registrations in five minutes and scope; 1,500
	// Status is the status of a limited answer: 403 when zero, or 429.
	Status int
}

// DefaultPermissions are those of an installation that names none: what the product's App asks for.
func DefaultPermissions() map[string]string {
	return map[string]string{
		"actions": "write", "administration": "write", "checks": "write", "contents": "read", "deployments": "write",
		"metadata": "read", "organization_self_hosted_runners": "write", "statuses": "write",
	}
}

func (l Limits) withDefaults() Limits {
	fill := func(value *int, standard int) {
		if *value == 0 {
			*value = standard
		}
	}
	fill(&l.Core, 5_000)
	fill(&l.Anonymous, 60)
	fill(&l.Points, 900)
	fill(&l.Registrations, 1_500)
	fill(&l.Status, 403)
	return l
}

const (
	coreWindow         = time.Hour
	pointsWindow       = time.Minute
	registrationWindow = 5 * time.Minute
)
