//go:build !linux

package local

import (
	"context"
	"errors"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// ErrUnsupported says that this operating system can be a client only.
var ErrUnsupported = errors.New("not supported here: local runners need Linux; on this machine runs-fleet can be a client of a server elsewhere")

// Provider does not exist on this operating system.
type Provider struct{ options Options }

// New returns ErrUnsupported.
func New(_ context.Context, o Options) (*Provider, error) {
	if _, err := o.withDefaults(); err != nil {
		return nil, err
	}
	return nil, ErrUnsupported
}

// Launch returns ErrUnsupported.
func (*Provider) Launch(context.Context, provider.Request) (provider.Answer, error) {
	return provider.Answer{}, ErrUnsupported
}

// Terminate returns ErrUnsupported.
func (*Provider) Terminate(context.Context, fleet.Site, []string) error { return ErrUnsupported }

// List returns ErrUnsupported.
func (*Provider) List(context.Context, fleet.Site) ([]provider.Instance, error) {
	return nil, ErrUnsupported
}

// Free returns ErrUnsupported.
func (*Provider) Free(context.Context, fleet.Site, fleet.Spec) (int, error) {
	return 0, ErrUnsupported
}

// ConsoleLog returns ErrUnsupported.
func (*Provider) ConsoleLog(context.Context, fleet.Site, string) ([]byte, error) {
	return nil, ErrUnsupported
}

// Verify returns ErrUnsupported.
func (*Provider) Verify(context.Context, agentapi.Hello) (Identity, error) {
	return Identity{}, ErrUnsupported
}

// LogFolder returns nothing.
func (*Provider) LogFolder(string) string { return "" }

// Isolation returns nothing.
func (*Provider) Isolation() string { return "" }

// Close does nothing.
func (*Provider) Close() error { return nil }
