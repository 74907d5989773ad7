package ec2

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/provider/ec2/api"
)

// Freeze implements provider.Freezer: it plans the launch from the inventory that is at hand.
func (p *Provider) Freeze(r provider.Request) (json.RawMessage, error) {
	place, ok := p.places[r.Site]
	if !ok {
		return nil, fmt.Errorf("%w: %s: %w", provider.ErrInvalid, r.Site, errUnknownSite)
	}
	f, err := plan(r, place.site, p.options.Fleet, place.inventory.Load())
	if err != nil {
		return nil, err
	}
	return f.encode()
}

// Launch makes one CreateFleet call, and the launch template that it names if that is missing.
func (p *Provider) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	if err := checkRequest(r); err != nil {
		return provider.Answer{}, err
	}
	place, ok := p.places[r.Site]
	if !ok {
		return provider.Answer{}, fmt.Errorf("%w: %s: %w", provider.ErrInvalid, r.Site, errUnknownSite)
	}
	if len(r.Frozen) == 0 {
		var err error
		if r.Frozen, err = p.Freeze(r); err != nil {
			return provider.Answer{}, err
		}
	}
	f, err := thaw(r.Frozen)
	if err != nil {
		return provider.Answer{}, err
	}
	if err := place.ensureTemplate(ctx, f.Template, p.options.Fleet); err != nil {
		return refusal(r, err)
	}
	out, err := place.client.CreateFleet(ctx, f.input(r))
	if err != nil {
		return p.refused(ctx, place, f.Template, r, err)
	}
	a := answer(r, out)
	place.noteErrors(a.Errors, f.Template)
	place.expect(a.Instances, p.options.Clock.Now())
	return a, nil
}

// refused judges a call that was answered with an error.
func (p *Provider) refused(ctx context.Context, place *place, template string, r provider.Request, err error) (provider.Answer, error) {
	code := api.CodeOf(err)
	place.noteErrors([]provider.LaunchError{{Code: code}}, template)
	if code == api.CodeTemplateNotFound && place.templates[template].data != nil {
		// Somebody has deleted it. The call has done nothing, and its repeat makes the template again.
		p.options.Logger.WarnContext(ctx, "a launch template is gone and will be made again", "template", template, "region", place.site.Site.Region)
		return provider.Answer{}, fmt.Errorf("launching: %w", err)
	}
	return refusal(r, err)
}

// refusal says what an error means for a launch. What has certainly launched nothing is an answer: its places fail with the
// code, and their market rests while another is tried (rule 2.6).
func refusal(r provider.Request, err error) (provider.Answer, error) {
	switch api.KindOf(err) {
	case api.TokenReused:
		return provider.Answer{}, fmt.Errorf("%w: %w", provider.ErrTokenReused, err)
	case api.Invalid, api.NotFound:
		return provider.Answer{}, fmt.Errorf("%w: %w", provider.ErrInvalid, err)
	case api.Capacity, api.Quota, api.Unauthorized, api.Refused:
		return provider.Answer{Errors: []provider.LaunchError{{Code: api.CodeOf(err), Message: err.Error(), Count: r.Count}}}, nil
	case api.Throttled, api.Unknown:
		return provider.Answer{}, fmt.Errorf("launching: %w", err)
	default:
		return provider.Answer{}, fmt.Errorf("launching: %w", err)
	}
}

// ensureTemplate makes a launch template, if it is one of this server's and not known to exist. One that an earlier version
// made is there already, or the call will say that it is not.
func (p *place) ensureTemplate(ctx context.Context, name, fleetID string) error {
	t, ours := p.templates[name]
	if !ours || p.made.has(name) {
		return nil
	}
	_, err := p.client.CreateLaunchTemplate(ctx, t.input(fleetID))
	if err != nil && api.CodeOf(err) != api.CodeTemplateExists {
		return fmt.Errorf("making a launch template: %w", err)
	}
	p.made.set(name, true)
	return nil
}

// noteErrors learns from the codes of a call: what it relied on may be gone.
func (p *place) noteErrors(errs []provider.LaunchError, template string) {
	for _, e := range errs {
		switch e.Code {
		case api.CodeTemplateNotFound:
			p.made.set(template, false)
		case api.CodeImageNotFound, api.CodeImageUnavailable, "InvalidSubnetID.NotFound", "Unsupported", "InvalidFleetConfiguration":
			p.stale.Store(true) // asked for anew soon, and not once an hour (failure mode D9)
		default:
		}
	}
}
