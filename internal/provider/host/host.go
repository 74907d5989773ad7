// Package host makes the machines of one computer available to control planes elsewhere: `runs-fleet host` serves a local
// provider over HTTP, and replicas use it through a Client. Both sides know one token. Every call of a Provider is one
// request, so what the local provider promises (launches that are idempotent, ends that are certain) holds across the
// network too: whoever gets no answer repeats the call.
package host

import (
	"context"
	"errors"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// Identity is who said hello.
type Identity struct {
	Site     fleet.Site `json:"site"`
	Instance string     `json:"instance"`
	Launch   string     `json:"launch"`
}

// About is what a host offers.
type About struct {
	Isolation string     `json:"isolation"` // how jobs are kept apart
	Slots     int        `json:"slots"`     // machines at a time
	OS        fleet.OS   `json:"os"`
	Arch      fleet.Arch `json:"arch"`
	Version   string     `json:"version"`
}

// Machines is what a host serves.
type Machines interface {
	provider.Provider
	Verify(ctx context.Context, h agentapi.Hello) (Identity, error)
}

// The calls, each a POST with a JSON body below Prefix; about has none.
const (
	Prefix      = "/host/v1/"
	callAbout   = "about"
	callLaunch  = "launch"
	callEnd     = "terminate"
	callList    = "list"
	callFree    = "free"
	callConsole = "console"
	callVerify  = "verify"
)

// MinTokenChars is the length of a token that nobody guesses: 16 random bytes in hexadecimal.
const MinTokenChars = 32

// ErrToken says that host and control plane do not know the same token.
var ErrToken = errors.New("the host does not accept this token: host_token_file has to hold the same on both sides")

// endRequest and the others are the bodies that are no type of their own already.
type endRequest struct {
	Site fleet.Site `json:"site"`
	IDs  []string   `json:"ids"`
}

type listRequest struct {
	Site fleet.Site `json:"site"`
}

type freeRequest struct {
	Site fleet.Site `json:"site"`
	Spec fleet.Spec `json:"spec"`
}

type consoleRequest struct {
	Site fleet.Site `json:"site"`
	ID   string     `json:"id"`
}

// failure is the body of every answer that is no success.
type failure struct {
	Kind    kind   `json:"kind"`
	Message string `json:"message"`
}

// kind carries the errors that callers decide on across the network; any other means unknown.
type kind string

const (
	kindUnknown     kind = "unknown"
	kindTokenReused kind = "launch_id_reused"
	kindInvalid     kind = "invalid"
	kindRefused     kind = "refused"
	kindToken       kind = "token"
)

func kindOf(err error) kind {
	switch {
	case errors.Is(err, provider.ErrTokenReused):
		return kindTokenReused
	case errors.Is(err, provider.ErrInvalid):
		return kindInvalid
	case errors.Is(err, agentapi.ErrRefused):
		return kindRefused
	default:
		return kindUnknown
	}
}

// is returns what the kind stands for, nil for what is unknown.
func (k kind) is() error {
	switch k {
	case kindTokenReused:
		return provider.ErrTokenReused
	case kindInvalid:
		return provider.ErrInvalid
	case kindRefused:
		return agentapi.ErrRefused
	case kindToken:
		return ErrToken
	case kindUnknown:
		return nil
	default:
		return nil
	}
}
