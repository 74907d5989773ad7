package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// Tags that say whose an instance is. They are on it from birth, and in every filter.
const (
	TagFleet       = "runs-fleet:fleet"
	TagEnvironment = "runs-fleet:environment"
	TagLaunch      = "runs-fleet:launch"
)

// maxLaunch is the most machines of one launch (rule 1.12).
const maxLaunch = 90

// ProviderOptions say how one fleet uses the cloud.
type ProviderOptions struct {
	// Fleet is the id in all tags. Instances of other fleets are never listed and never ended.
	Fleet string
	// KnowsRoom lets Free tell how much room there is. EC2 does not say, so without it the answer is provider.Unlimited.
	KnowsRoom bool
}

// Provider is the cloud as one fleet uses it.
type Provider struct {
	cloud   *Cloud
	options ProviderOptions
}

var _ provider.Provider = (*Provider)(nil)

// Provider returns the cloud as a provider of machines.
func (c *Cloud) Provider(o ProviderOptions) *Provider { return &Provider{c, o} }

// Launch makes one CreateFleet call.
func (p *Provider) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	switch {
	case r.Count < 1 || r.Count > maxLaunch:
		return provider.Answer{}, fmt.Errorf("%w: %d machines; a launch has 1 to %d", provider.ErrInvalid, r.Count, maxLaunch)
	case r.LaunchID == "" || !plainToken(r.LaunchID):
		return provider.Answer{}, fmt.Errorf("%w: the launch id %q must have 1 to %d ASCII characters", provider.ErrInvalid, r.LaunchID, maxToken)
	}
	request, err := p.request(r.Site, r.Market, r.Spec)
	if err != nil {
		return provider.Answer{}, err
	}
	request.Token, request.Count = r.LaunchID, r.Count
	request.Tags[TagLaunch] = r.LaunchID
	if request.Rest, err = json.Marshal(r); err != nil { // a disk's size, say, is in the launch template
		return provider.Answer{}, fmt.Errorf("encoding the request: %w", err)
	}
	answer, err := p.cloud.CreateFleet(ctx, request)
	if err != nil {
		return provider.Answer{}, launchError(err)
	}
	var out provider.Answer
	for _, i := range answer.Instances {
		out.Instances = append(out.Instances, p.instance(i))
	}
	out.Errors = places(answer.Errors, r.Count-len(answer.Instances))
	return out, nil
}

// launchError says what an API error means for a launch.
func launchError(err error) error {
	if api, ok := errors.AsType[*APIError](err); ok {
		switch api.Code {
		case CodeMismatch:
			return fmt.Errorf("%w: %w", provider.ErrTokenReused, err)
		case CodeInvalidParameter, CodeInvalidFleet, CodeMissingParameter, CodeTagLimit, CodeUnknownRegion:
			return fmt.Errorf("%w: %w", provider.ErrInvalid, err)
		default:
		}
	}
	return fmt.Errorf("creating instances: %w", err)
}

// places distributes the empty places over the codes of the errors, in the order in which those came. A fleet that got all
// it wanted may have met errors on its way; they are of no consequence.
func places(errs []FleetError, empty int) []provider.LaunchError {
	var out []provider.LaunchError
	for _, e := range errs {
		if len(out) == empty {
			break
		}
		if !slices.ContainsFunc(out, func(o provider.LaunchError) bool { return o.Code == e.Code }) {
			out = append(out, provider.LaunchError{Code: e.Code, Message: e.Message, Count: 1})
		}
	}
	switch {
	case empty > 0 && len(out) == 0:
		out = []provider.LaunchError{{Code: CodeUnfulfillable, Message: "Unable to fulfill capacity due to your request configuration.", Count: empty}}
	case empty > 0:
		out[0].Count += empty - len(out)
	}
	return out
}

func (p *Provider) tags(site fleet.Site) map[string]string {
	return map[string]string{TagFleet: p.options.Fleet, TagEnvironment: site.Environment}
}

func (p *Provider) instance(i Instance) provider.Instance {
	return provider.Instance{
		ID: i.ID, LaunchID: i.Tags[TagLaunch], Site: fleet.Site{Environment: i.Tags[TagEnvironment], Region: i.Pool.Region},
		State: i.State, Type: i.Pool.Type, Market: i.Pool.Market, Launched: i.Launched, Reason: i.ReasonText(),
	}
}

// Terminate ends those of the instances that a listing shows as this site's. An instance that exists and is not listed,
// because it is too new, is an error, since it would live on. One of others is left alone.
func (p *Provider) Terminate(ctx context.Context, site fleet.Site, ids []string) error {
	if len(ids) == 0 {
		return nil // and no listing of everything
	}
	listed, err := p.cloud.List(ctx, Listing{Region: site.Region, Tags: p.tags(site), Among: ids, Bounded: true})
	if err != nil {
		return fmt.Errorf("listing what is to be ended: %w", err)
	}
	var ours []string
	for _, i := range listed {
		if slices.Contains(ids, i.ID) {
			ours = append(ours, i.ID)
		}
	}
	if len(ours) > 0 {
		if _, err := p.cloud.TerminateInstances(ctx, site.Region, ours...); err != nil {
			return fmt.Errorf("ending instances: %w", err)
		}
	}
	for _, id := range ids {
		i, exists := p.cloud.Instance(id, p.cloud.clock.Now())
		if exists && i.State.Live() && !slices.Contains(ours, id) && hasTags(i.Tags, p.tags(site)) && i.Pool.Region == site.Region {
			return fmt.Errorf("ending %s: %w", id, refuse(actionTerminate, CodeNotFound, "The instance ID '%s' does not exist", id))
		}
	}
	return nil
}

// List lists the site's instances.
func (p *Provider) List(ctx context.Context, site fleet.Site) ([]provider.Instance, error) {
	listed, err := p.cloud.DescribeInstances(ctx, site.Region, p.tags(site))
	if err != nil {
		return nil, fmt.Errorf("listing instances: %w", err)
	}
	out := make([]provider.Instance, len(listed))
	for i, l := range listed {
		out[i] = p.instance(l)
	}
	return out, nil
}

// Free is what the spec's pools have room for, if the provider is to know, in the markets that the spec allows.
func (p *Provider) Free(_ context.Context, site fleet.Site, spec fleet.Spec) (int, error) {
	if !p.options.KnowsRoom {
		return provider.Unlimited, nil
	}
	markets := []fleet.Market{spec.Market}
	if spec.Market == fleet.AnyMarket {
		markets = []fleet.Market{fleet.Spot, fleet.OnDemand}
	}
	free := 0
	for _, m := range markets {
		r, err := p.request(site, m, spec)
		if err != nil {
			return 0, err
		}
		free += p.cloud.Room(r)
	}
	return free, nil
}

// ConsoleLog returns what the instance printed; nothing for one that is not known.
func (p *Provider) ConsoleLog(ctx context.Context, site fleet.Site, id string) ([]byte, error) {
	const most = 64 << 10
	text, err := p.cloud.GetConsoleOutput(ctx, site.Region, id)
	var api *APIError
	switch {
	case errors.As(err, &api) && (api.Code == CodeNotFound || api.Code == CodeMalformed):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading the console of %s: %w", id, err)
	}
	return []byte(text[max(0, len(text)-most):]), nil
}

// Stop stops instances of the site.
func (p *Provider) Stop(ctx context.Context, site fleet.Site, ids []string) error {
	if _, err := p.cloud.StopInstances(ctx, site.Region, ids...); err != nil {
		return fmt.Errorf("stopping instances: %w", err)
	}
	return nil
}

// Start starts stopped instances of the site.
func (p *Provider) Start(ctx context.Context, site fleet.Site, ids []string) error {
	if _, err := p.cloud.StartInstances(ctx, site.Region, ids...); err != nil {
		return fmt.Errorf("starting instances: %w", err)
	}
	return nil
}

// Identity is the machine that a hello stands for.
type Identity struct {
	Site     fleet.Site
	Instance string
	Launch   string
}

// Verify proves a hello by the identity document of an instance of this fleet. A forged document, one of another fleet's
// instance, and one of an instance that has ended are refused; the agent's key is bound by whoever keeps the machine's row.
func (p *Provider) Verify(_ context.Context, h agentapi.Hello) (Identity, error) {
	i, err := p.cloud.verify(h.Document, h.Signature, p.cloud.clock.Now())
	if err != nil {
		return Identity{}, err
	}
	if i.Tags[TagFleet] != p.options.Fleet || i.Tags[TagLaunch] == "" {
		return Identity{}, fmt.Errorf("%w: instance %s belongs to no launch of this fleet", agentapi.ErrRefused, i.ID)
	}
	out := p.instance(i)
	return Identity{Site: out.Site, Instance: out.ID, Launch: out.LaunchID}, nil
}
