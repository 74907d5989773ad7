package local

import (
	"context"
	"crypto/subtle"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// Verify says which instance the token of a hello belongs to. A token serves once: it binds the first key that comes with
// it, and only that key may say hello again (rule 3.1), because an answer can be lost. Everything else is refused.
func (p *Provider) Verify(ctx context.Context, h agentapi.Hello) (Identity, error) {
	if h.Token == "" || h.KeyHash == "" {
		return Identity{}, fmt.Errorf("%w: the hello holds no token of this machine", agentapi.ErrRefused)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.byToken(h.Token)
	if m == nil {
		return Identity{}, fmt.Errorf("%w: unknown token", agentapi.ErrRefused)
	}
	r := &m.record
	switch {
	case !m.live():
		return Identity{}, fmt.Errorf("%w: this machine has ended", agentapi.ErrRefused)
	case r.KeyHash == "":
		r.KeyHash, r.Instance.State = h.KeyHash, afterHello
		if err := p.saveRecord(r); err != nil {
			r.KeyHash = ""
			return Identity{}, fmt.Errorf("noting that the token was used: %w", err)
		}
	case subtle.ConstantTimeCompare([]byte(r.KeyHash), []byte(h.KeyHash)) != 1:
		p.options.Logger.ErrorContext(ctx, "a token was used twice with different keys: was it stolen?", "instance", r.Instance.ID)
		return Identity{}, fmt.Errorf("%w: the token was used already", agentapi.ErrRefused)
	}
	return Identity{Site: r.Instance.Site, Instance: r.Instance.ID, Launch: r.Instance.LaunchID}, nil
}

// byToken compares hashes, each in constant time, and all of them.
func (p *Provider) byToken(token string) *machine {
	want := []byte(hash(token))
	var found *machine
	for _, m := range p.machines {
		if subtle.ConstantTimeCompare([]byte(m.record.TokenHash), want) == 1 {
			found = m
		}
	}
	return found
}
