package ec2

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/identity"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/owned"
)

// Provider makes machines of EC2. Its methods may be called concurrently.
type Provider struct {
	options Options
	clients map[string]*api.Client // by region
	places  map[fleet.Site]*place

	mu     sync.Mutex
	former map[fleet.Site]*place // sites that are not configured and were asked for
}

var (
	_ provider.Provider = (*Provider)(nil)
	_ provider.Freezer  = (*Provider)(nil)
)

// New prepares a provider and reads what it needs to know of each site: from EC2, or, if that does not answer, from the cache.
func New(ctx context.Context, o Options) (*Provider, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("setting up EC2: %w", err)
	}
	if o.Certificates == nil {
		published, err := identity.AWS()
		if err != nil {
			return nil, fmt.Errorf("setting up EC2: %w", err)
		}
		o.Certificates = published
	}
	p := &Provider{options: o, clients: map[string]*api.Client{}, places: map[fleet.Site]*place{}, former: map[fleet.Site]*place{}}
	for _, s := range o.Sites {
		region := s.Site.Region
		if p.clients[region] == nil {
			p.clients[region] = api.New(region, o.Config(region), api.Options{Clock: o.Clock, Random: o.Random, Rates: o.Rates, Tally: o.Tally})
		}
		at := newPlace(s, p.clients[region])
		for _, shutdown := range []string{terminateOnShutdown, stopOnShutdown} {
			t := templateFor(s, o.Fleet, shutdown)
			at.templates[t.name] = t
		}
		p.places[s.Site] = at
	}
	for _, at := range p.inOrder() {
		if err := p.first(ctx, at); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func newPlace(s Site, c *api.Client) *place {
	return &place{
		site: s, client: c, templates: map[string]template{}, listed: map[string]owned.ID{}, recent: map[string]time.Time{},
	}
}

// inOrder are the configured sites, in an order that does not change.
func (p *Provider) inOrder() []*place {
	return slices.SortedFunc(maps.Values(p.places), func(a, b *place) int {
		return slices.Compare([]string{a.site.Site.String()}, []string{b.site.Site.String()})
	})
}

// first gets the first inventory of a site.
func (p *Provider) first(ctx context.Context, at *place) error {
	err := p.Refresh(ctx, at.site.Site)
	if err == nil {
		return nil
	}
	kept, cacheErr := p.load(ctx, at.site)
	if cacheErr != nil {
		p.options.Logger.WarnContext(ctx, "what was kept of a region cannot be used", "site", at.site.Site, "error", cacheErr)
	}
	if kept == nil {
		return fmt.Errorf("reading what %s offers: %w", at.site.Site, err)
	}
	p.options.Logger.WarnContext(ctx, "EC2 does not say what it offers; what it said before is used until it does",
		"site", at.site.Site, "of", kept.At, "error", err)
	at.inventory.Store(kept)
	at.stale.Store(true)
	return nil
}

// Inventory returns what is known of a site, nothing of one that is not configured. It must not be changed.
func (p *Provider) Inventory(site fleet.Site) (*Inventory, bool) {
	at, ok := p.places[site]
	if !ok {
		return nil, false
	}
	return at.inventory.Load(), true
}

// How old an inventory becomes, and how long a failed or a doubtful one rests.
const (
	refreshEvery = time.Hour
	lookEvery    = time.Minute
)

// Run keeps the inventories current until the context ends.
func (p *Provider) Run(ctx context.Context) {
	for p.options.Clock.Sleep(ctx, lookEvery) == nil {
		for _, at := range p.inOrder() {
			age := p.options.Clock.Now().Sub(at.inventory.Load().At)
			if age < refreshEvery && !at.stale.Load() {
				continue
			}
			if err := p.Refresh(ctx, at.site.Site); err != nil && ctx.Err() == nil {
				p.options.Logger.WarnContext(ctx, "what a region offers could not be read again; what it offered before is used",
					"site", at.site.Site, "age", age, "error", err)
			}
		}
	}
}
