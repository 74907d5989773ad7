package ec2

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/owned"
)

// at finds the place of a site. A site that is not configured may have machines still, of a configuration that was: its region
// is enough to find and to end them.
func (p *Provider) at(site fleet.Site) (*place, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found, ok := p.places[site]; ok {
		return found, nil
	}
	if found, ok := p.former[site]; ok {
		return found, nil
	}
	client, ok := p.clients[site.Region]
	if !ok {
		return nil, fmt.Errorf("%s: no subnet is configured in the region", site)
	}
	found := newPlace(Site{Site: site}, client)
	p.former[site] = found
	return found, nil
}

// List implements provider.Provider.
func (p *Provider) List(ctx context.Context, site fleet.Site) ([]provider.Instance, error) {
	at, err := p.at(site)
	if err != nil {
		return nil, err
	}
	found, err := at.list(ctx, p.options.Fleet)
	if err != nil {
		return nil, err
	}
	out := make([]provider.Instance, len(found))
	for i, f := range found {
		out[i] = f.Instance
	}
	return out, nil
}

func (p *place) list(ctx context.Context, fleetID string, ids ...string) ([]owned.Instance, error) {
	found, err := owned.List(ctx, p.client, fleetID, p.site.Site, ids...)
	if err != nil {
		return nil, err
	}
	p.noteListing(found, len(ids) == 0)
	return found, nil
}

// own finds those of the ids that are the fleet's: most have been seen by a listing of the last seconds, the others are asked
// for. An instance that was launched a moment ago and is not listed yet is an error, since it would live on.
func (p *Provider) own(ctx context.Context, at *place, ids []string) ([]owned.ID, error) {
	found, rest := at.known(ids)
	if len(rest) == 0 {
		return found, nil
	}
	listed, err := at.list(ctx, p.options.Fleet, rest...)
	if err != nil {
		return nil, err
	}
	for _, l := range listed {
		if l.State.Live() {
			found = append(found, l.Owned)
		}
	}
	return found, nil
}

// Terminate implements provider.Provider.
func (p *Provider) Terminate(ctx context.Context, site fleet.Site, ids []string) error {
	at, err := p.at(site)
	if err != nil {
		return err
	}
	found, err := p.own(ctx, at, ids)
	if err != nil {
		return err
	}
	if err := owned.Terminate(ctx, at.client, found); err != nil {
		return fmt.Errorf("ending instances: %w", err)
	}
	at.ended(found)
	if missing := at.tooNew(ids, p.options.Clock.Now()); len(missing) > 0 {
		return fmt.Errorf("%d instances, %s among them, were launched a moment ago and are not listed yet: they are ended when they are", len(missing), missing[0])
	}
	return nil
}

// Start starts stopped instances of the site.
func (p *Provider) Start(ctx context.Context, site fleet.Site, ids []string) error {
	at, err := p.at(site)
	if err != nil {
		return err
	}
	found, err := p.own(ctx, at, ids)
	if err != nil {
		return err
	}
	if err := owned.Start(ctx, at.client, found); err != nil {
		return fmt.Errorf("starting instances: %w", err)
	}
	return nil
}

// Free implements provider.Provider: EC2 does not say how much room it has, and tells of a quota by refusing.
func (p *Provider) Free(_ context.Context, _ fleet.Site, _ fleet.Spec) (int, error) {
	return provider.Unlimited, nil
}

// maxConsole is the most that ConsoleLog returns.
const maxConsole = 64 << 10

// ConsoleLog implements provider.Provider.
func (p *Provider) ConsoleLog(ctx context.Context, site fleet.Site, id string) ([]byte, error) {
	at, err := p.at(site)
	if err != nil {
		return nil, err
	}
	listed, err := at.list(ctx, p.options.Fleet, id) // also of one that has ended: that is when people ask
	if err != nil || len(listed) == 0 {
		return nil, err
	}
	encoded, err := owned.Console(ctx, at.client, listed[0].Owned)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("decoding the console of %s: %w", id, err)
	}
	return text[max(0, len(text)-maxConsole):], nil
}
