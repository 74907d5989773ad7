package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

var _ agentapi.Service = (*Controller)(nil)

// rereadEvery is how often a held poll looks at its row while the machine waits (rule 3.2).
const rereadEvery = 5 * time.Second

// Hello proves a machine, attaches it if that has not happened yet (rule 2.3), and binds the agent's key (rule 3.1).
func (c *Controller) Hello(ctx context.Context, h agentapi.Hello) (agentapi.Welcome, error) {
	if len(h.KeyHash) != sha256.Size*2 {
		return agentapi.Welcome{}, fmt.Errorf("%w: key_hash must be a SHA-256 in hexadecimal", agentapi.ErrInvalid)
	}
	identity, err := c.Verifier.Verify(ctx, h)
	if err != nil {
		return agentapi.Welcome{}, fmt.Errorf("verifying hello: %w", err)
	}
	id := fleet.MachineID{Site: identity.Site, ID: identity.Instance}
	if err := c.join(ctx, identity); err != nil {
		return agentapi.Welcome{}, fmt.Errorf("attaching %s: %w", id, err)
	}
	if err := c.retry(ctx, func() error { return c.bind(ctx, id, h) }); err != nil {
		return agentapi.Welcome{}, err
	}
	return agentapi.Welcome{
		Machine:      id.String(),
		LeaseSeconds: int(fleet.LeaseLocal.Seconds()), RenewSeconds: int(fleet.RenewLocal.Seconds()),
	}, nil
}

// bind makes a starting machine ready, or knows an agent again by its key.
func (c *Controller) bind(ctx context.Context, id fleet.MachineID, h agentapi.Hello) error {
	row, err := c.Records.Machine(ctx, id)
	if err != nil {
		return err
	}
	m, now := row.V, c.Clock.Now()
	switch {
	case !row.Exists():
		return fmt.Errorf("%w: %s belongs to no launch that has a place for it", agentapi.ErrRefused, id) // rule 2.5
	case !m.Live():
		return fmt.Errorf("%w: %s has ended", agentapi.ErrRefused, id)
	case m.KeyHash == h.KeyHash:
		return nil
	case m.KeyHash != "":
		c.Logger.ErrorContext(ctx, "another key says hello for a machine: someone may impersonate it", "machine", id.String())
		return fmt.Errorf("%w: %s has bound another key", agentapi.ErrRefused, id)
	}
	m.KeyHash, m.Lease = h.KeyHash, now.Add(fleet.LeaseLocal)
	if m.State == fleet.MachineStarting {
		m.Ready = now
		m = m.To(fleet.MachineReady, now, "Its agent reports, "+now.Sub(m.Launched).Round(time.Millisecond).String()+" after the launch.")
	}
	writes := [][]store.Write{c.putMachine(row, m), c.Records.PutAgentKey(h.KeyHash, id, now.Add(keepNames))}
	if err := c.Records.Commit(ctx, writes...); err != nil {
		return err
	}
	c.boots.add(now.Sub(m.Launched))
	c.Observer.MachineReady(m.Market, now.Sub(m.Launched))
	c.Logger.InfoContext(ctx, "machine ready", "machine", id.String(), "boot", now.Sub(m.Launched), "agent", h.Version)
	c.hints.now(m.Shape)
	return nil
}

// Poll is the one long poll of an agent (rule 3.2).
func (c *Controller) Poll(ctx context.Context, key string, r agentapi.Report) (agentapi.Orders, error) {
	id, err := c.machineOf(ctx, key)
	if err != nil {
		return agentapi.Orders{}, err
	}
	p, leave := c.wakes.enter(id)
	defer leave()
	end := c.Clock.Now().Add(agentapi.PollWait)
	var m kept // as it was when it was last read
	for {
		m, err = c.reported(ctx, id, m, r)
		if err != nil {
			return agentapi.Orders{}, err
		}
		if c.wakes.replaced(p) {
			return agentapi.Orders{}, nil
		}
		now := c.Clock.Now()
		o, mint, spent := orders(m.V, now)
		var wait time.Duration
		switch {
		case spent:
			if err := c.put(ctx, m, retiring(m.V, textSpent, now)); err != nil && !store.IsConflict(err) {
				return agentapi.Orders{}, err
			}
			continue
		case mint:
			if o, wait, err = c.mint(ctx, m, r.Sequence); err != nil {
				return agentapi.Orders{}, err
			}
		}
		left := end.Sub(c.Clock.Now())
		if o.Command != agentapi.CommandNone || left <= 0 || ctx.Err() != nil {
			return o, nil
		}
		if wait == 0 && mint {
			continue // the row changed under the mint
		}
		if wait == 0 {
			wait = c.pollPause(m.V)
		}
		c.wakes.sleep(ctx, c, p, min(wait, left))
	}
}

// pollPause is how long a held poll sleeps before it looks at its row again.
func (c *Controller) pollPause(m fleet.Machine) time.Duration {
	switch m.State {
	case fleet.MachineReady, fleet.MachineAssigned, fleet.MachineListening, fleet.MachineRetiring:
		return rereadEvery
	default:
		return agentapi.PollWait
	}
}

// machineOf finds the machine whose agent has this key.
func (c *Controller) machineOf(ctx context.Context, key string) (fleet.MachineID, error) {
	sum := sha256.Sum256([]byte(key))
	hash := hex.EncodeToString(sum[:])
	if id, ok := c.keys.Load(hash); ok {
		return id.(fleet.MachineID), nil //nolint:forcetypeassert // only Stores below
	}
	row, err := c.Records.MachineOfKey(ctx, hash)
	if err != nil {
		return fleet.MachineID{}, err
	}
	if !row.Exists() {
		return fleet.MachineID{}, fmt.Errorf("%w: unknown key", agentapi.ErrRefused)
	}
	c.keys.Store(hash, row.V.Machine)
	return row.V.Machine, nil
}

// reported applies a report to the machine's row, which may have been read before, and returns the row as it then is.
func (c *Controller) reported(ctx context.Context, id fleet.MachineID, before kept, r agentapi.Report) (kept, error) {
	var out kept
	err := c.retry(ctx, func() error {
		row, err := c.Records.MachineAgain(ctx, id, before)
		if err != nil {
			return err
		}
		if !row.Exists() {
			return fmt.Errorf("%w: %s is not known", agentapi.ErrRefused, id)
		}
		m, changed := applyReport(row.V, r, c.Clock.Now())
		out = row
		if !changed {
			return nil
		}
		writes := [][]store.Write{c.putMachine(row, m)}
		if m.Code != "" && row.V.Code == "" {
			head, err := c.Records.Head(ctx, m.Shape)
			if err != nil {
				return err
			}
			if head.Exists() {
				writes = append(writes, c.Records.PutHead(head, backOff(head.V, id.Site.Region, m.Market, m.Code, m.Retire.Reason, c.Clock.Now())))
			}
		}
		if err := c.Records.Commit(ctx, writes...); err != nil {
			return err
		}
		out.V, out.Version = m, row.Version+1
		out.V.Due = nextLook(m)
		if m.State != row.V.State || confirmedNow(row.V, m) {
			c.Logger.InfoContext(ctx, "machine", "machine", id.String(), "state", m.State, "runner", r.Runner)
			c.hints.now(m.Shape)
			c.lookSoon(ctx, id, m)
		}
		return nil
	})
	return out, err
}

func confirmedNow(before, after fleet.Machine) bool {
	return after.Retire != nil && after.Retire.Confirmed && (before.Retire == nil || !before.Retire.Confirmed)
}

// lookSoon spares a machine whose look is due at once the wait for the next pass over the due index.
func (c *Controller) lookSoon(ctx context.Context, id fleet.MachineID, m fleet.Machine) {
	at, what := firstLook(m)
	if what == lookNothing || c.Clock.Now().Before(at) || !c.calls.begin(id.String()) {
		return
	}
	c.hints.spawn(ctx, "machine "+id.String(), func(ctx context.Context) {
		defer c.calls.end(id.String())
		c.lookAtMachine(ctx, id)
	}, func() { c.calls.end(id.String()) })
}
