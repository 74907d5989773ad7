package ec2

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/identity"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/owned"
)

// Identity is who said hello.
type Identity struct {
	Site     fleet.Site
	Instance string
	Launch   string
}

// Verify says which instance a hello comes from: AWS signed its identity document, and it is an instance of this account with the
// fleet's tags (rule 3.1). An error that wraps agentapi.ErrRefused is final; an instance that EC2 does not list yet may say
// hello again. Which key may speak for the instance is not said here.
func (p *Provider) Verify(ctx context.Context, h agentapi.Hello) (Identity, error) {
	d, err := p.options.Certificates.Verify(h.Document, h.Signature)
	switch {
	case errors.Is(err, identity.ErrRegion):
		return Identity{}, fmt.Errorf("%w: %w: give the region's certificate in the settings", agentapi.ErrRefused, err)
	case err != nil:
		return Identity{}, fmt.Errorf("%w: %w", agentapi.ErrRefused, err)
	}
	configured := false
	for _, at := range p.inOrder() {
		if at.site.Site.Region != d.Region {
			continue
		}
		configured = true
		found, err := at.lookups.ask(ctx, p.options.Clock, d.Instance, func(ctx context.Context, ids []string) ([]owned.Instance, error) {
			return at.list(ctx, p.options.Fleet, ids...)
		})
		if err != nil {
			return Identity{}, fmt.Errorf("looking for the instance %s that says hello: %w", d.Instance, err)
		}
		if found != nil {
			return p.admit(d, at.site.Site, *found)
		}
	}
	if !configured {
		return Identity{}, fmt.Errorf("%w: the fleet has no machines in %s", agentapi.ErrRefused, d.Region)
	}
	if age := p.options.Clock.Now().Sub(d.Pending); age > listingLag {
		return Identity{}, fmt.Errorf("%w: %s is no instance of this fleet", agentapi.ErrRefused, d.Instance)
	}
	return Identity{}, fmt.Errorf("%w: %s, launched at %s", errNotListed, d.Instance, d.Pending)
}

var errNotListed = errors.New("EC2 does not list the instance as one of this fleet, which may be too early")

func (p *Provider) admit(d identity.Document, site fleet.Site, i owned.Instance) (Identity, error) {
	switch {
	case i.Account != d.Account:
		return Identity{}, fmt.Errorf("%w: the identity document is of account %s", agentapi.ErrRefused, d.Account)
	case i.State == provider.Stopped || i.State == provider.Stopping:
		// It runs, since it speaks: a machine of a pool that was started is listed as it was for a while.
		return Identity{}, fmt.Errorf("%w: %s is listed as %s", errNotListed, i.ID, i.State)
	case !i.State.Live():
		return Identity{}, fmt.Errorf("%w: instance %s is %s", agentapi.ErrRefused, i.ID, i.State)
	case i.LaunchID == "" || !strings.HasPrefix(i.LaunchID, "l-"):
		return Identity{}, fmt.Errorf("%w: instance %s names no launch", agentapi.ErrRefused, i.ID)
	}
	return Identity{Site: site, Instance: i.ID, Launch: i.LaunchID}, nil
}
