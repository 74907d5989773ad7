package simulate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// providerSeam is the cloud as one life of a replica reaches it.
type providerSeam struct {
	w *World
	d *domain
}

var _ provider.Provider = providerSeam{}

// cloudCall is whose call to the cloud a context belongs to.
type cloudCall struct {
	d   *domain
	key string
}

type cloudCallKey struct{}

// on says in a context whose call it is.
func (p providerSeam) on(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, cloudCallKey{}, cloudCall{p.d, key})
}

// calling returns whose call to the cloud a context belongs to; the zero call if it is nobody's.
func calling(ctx context.Context) cloudCall {
	call, _ := ctx.Value(cloudCallKey{}).(cloudCall)
	return call
}

// cloudClock is the cloud's own clock, which is right. Whoever waits at it is the replica whose call is on its way.
type cloudClock struct{ s *scheduler }

var _ seam.Clock = cloudClock{}

// Now implements seam.Clock.
func (c cloudClock) Now() time.Time { return c.s.now }

// Sleep implements seam.Clock.
func (c cloudClock) Sleep(ctx context.Context, d time.Duration) error {
	call := calling(ctx)
	c.s.park(ctx, call.d, call.key, c.s.now.Add(d))
	return ctx.Err()
}

// WithTimeout implements seam.Clock.
func (c cloudClock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return clock{c.s, calling(ctx).d}.WithTimeout(ctx, d)
}

// Launch implements provider.Provider. The answer may call places failed whose instances exist.
func (p providerSeam) Launch(ctx context.Context, r provider.Request) (provider.Answer, error) {
	p.w.check.launched(r)
	l := p.w.cloud.asked(r)
	a, err := p.w.cloud.fleet.Launch(p.on(ctx, "launch "+r.LaunchID), r)
	if errors.Is(err, provider.ErrTokenReused) {
		p.w.check.violated("OneFleetPerLaunch", []string{r.LaunchID}, "launch %s was repeated with other bytes", r.LaunchID)
	}
	if err != nil {
		return provider.Answer{}, fmt.Errorf("%s: %w", p.d.name, err)
	}
	if l.heard.IsZero() {
		l.heard = p.w.s.now
	}
	return p.w.cloud.forgetting(a), nil
}

// Terminate implements provider.Provider. Some terminations are answered, and nothing happens.
func (p providerSeam) Terminate(ctx context.Context, s fleet.Site, ids []string) error {
	var ended []string
	for _, id := range ids {
		m := p.w.cloud.byID[id]
		switch {
		case m == nil:
			p.w.check.violated("RightFleet", []string{id}, "%s ended %s, which is not the fleet's", p.d.name, id)
		case m.live() && p.w.strikes(TerminateKept):
			p.w.check.terminating(p.d, m)
		default:
			ended = append(ended, id)
		}
	}
	ctx = p.on(ctx, "terminate "+ids[0])
	err := p.w.cloud.fleet.Terminate(ctx, s, ended)
	if len(ended) == 0 { // the call takes its time all the same
		_, err = p.w.cloud.fleet.List(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.d.name, err)
	}
	return nil
}

// List implements provider.Provider. Listings miss some instances for minutes.
func (p providerSeam) List(ctx context.Context, s fleet.Site) ([]provider.Instance, error) {
	all, err := p.w.cloud.fleet.List(p.on(ctx, "list instances"), s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.d.name, err)
	}
	listed := all[:0]
	for _, i := range all {
		if p.w.cloud.byID[i.ID].listed(p.w.s.now) {
			listed = append(listed, i)
		}
	}
	return listed, nil
}

// Free implements provider.Provider.
func (p providerSeam) Free(ctx context.Context, s fleet.Site, spec fleet.Spec) (int, error) {
	free, err := p.w.cloud.fleet.Free(ctx, s, spec)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.d.name, err)
	}
	return free, nil
}

// ConsoleLog implements provider.Provider.
func (p providerSeam) ConsoleLog(ctx context.Context, s fleet.Site, id string) ([]byte, error) {
	text, err := p.w.cloud.fleet.ConsoleLog(p.on(ctx, "console of "+id), s, id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.d.name, err)
	}
	return text, nil
}

// Verify implements controller.Verifier: what the signed identity document of an instance proves.
func (c *cloud) Verify(ctx context.Context, h agentapi.Hello) (controller.Identity, error) {
	of, err := c.fleet.Verify(ctx, h)
	if err != nil {
		return controller.Identity{}, fmt.Errorf("verifying an identity document: %w", err)
	}
	return controller.Identity(of), nil
}
