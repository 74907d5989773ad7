package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// mint registers an assigned machine and returns the order to listen. It is called by the agent's own poll, so that a JIT
// config goes from GitHub straight to the agent and is never stored. wait says when to try again; zero, that the row is to
// be read again.
func (c *Controller) mint(ctx context.Context, m kept, sequence int64) (o agentapi.Orders, wait time.Duration, err error) {
	demand, err := c.Records.Demand(ctx, m.V.Demand)
	if err != nil {
		return o, 0, err
	}
	if !demand.Exists() {
		return o, rereadEvery, nil // surplus soon
	}
	now := c.Clock.Now()
	name := c.runnerName(m.V)
	named := m.V
	named.Runners = append(slices.Clone(named.Runners), fleet.Runner{Name: name, Written: now, Repository: named.Repository})
	err = c.Records.Commit(ctx, c.putMachine(m, named), // rule 4.2: the name is written before the POST
		c.Records.PutRunner(named.Repository.Host, name, named.ID, now.Add(keepNames)))
	if store.IsConflict(err) {
		return o, 0, nil
	}
	if err != nil {
		return o, 0, err
	}
	registration, err := c.github(ctx).Mint(MintRequest{
		Repository: named.Repository, Group: demand.V.Demand.Group, Name: name, Labels: demand.V.RawLabels,
	})
	var budget *BudgetError
	var refused *RefusedError
	switch {
	case err == nil:
		c.Observer.Minted(MintDone)
		return c.handOut(ctx, m.V.ID, name, registration, sequence)
	case errors.As(err, &budget):
		c.Observer.Minted(MintNoBudget)
		wait, err = c.unburn(ctx, m.V.ID, name, budget)
		return o, wait, err
	case errors.As(err, &refused):
		c.Observer.Minted(MintRefused)
		return o, 0, c.mintRefused(ctx, m.V.ID, m.V.Demand, refused)
	case errors.Is(err, ErrNameTaken):
		c.Observer.Minted(MintNameTaken)
		return o, 0, nil // with the next generation's name
	default:
		c.Observer.Minted(MintUnknown)
		c.Logger.WarnContext(ctx, "a registration has an unknown outcome; its name is burnt", "machine", m.V.ID.String(), "runner", name, "error", err)
		return o, mintPause, nil
	}
}

// mintPause follows an unknown outcome: GitHub may be in trouble.
const mintPause = time.Second

// runnerName returns a name that no other writer can have: it contains the fleet, the machine, and a generation that the
// write of the row makes unique. At most 64 characters, which is what GitHub is known to take.
func (c *Controller) runnerName(m fleet.Machine) string {
	return fmt.Sprintf("%s%s-%d", c.namePrefix(), m.ID.ID, len(m.Runners)+m.Waits+1)
}

// namePrefix starts the name of every runner of this fleet, and of no other's (RightFleet).
func (c *Controller) namePrefix() string { return "rf-" + c.fleetID + "-" }

// handOut writes that the JIT config goes to the agent, and sends it. If the row has moved on, the registration is left to
// the machine's retirement, which deletes every name.
func (c *Controller) handOut(ctx context.Context, id fleet.MachineID, name string, reg Registration, sequence int64) (o agentapi.Orders, wait time.Duration, err error) {
	err = c.retry(ctx, func() error {
		o = agentapi.Orders{}
		row, err := c.Records.Machine(ctx, id)
		if err != nil || !row.Exists() {
			return err
		}
		m := row.V
		m.Runners = slices.Clone(m.Runners)
		i := slices.IndexFunc(m.Runners, func(r fleet.Runner) bool { return r.Name == name })
		if i < 0 {
			return nil
		}
		m.Runners[i].ID = reg.ID
		newest := i == len(m.Runners)-1
		if newest && m.State == fleet.MachineAssigned && ctx.Err() == nil {
			now := c.Clock.Now()
			m.Runners[i].HandedOut, m.Runners[i].Sequence, m.Word = now, sequence, false
			m.History = m.History.Add(now, "registered", "Registered at GitHub as "+name+".")
			o = agentapi.Orders{Command: agentapi.CommandAssign, Assignment: &agentapi.Assignment{
				Runner: name, JITConfig: reg.JITConfig, MaxRuntime: m.MaxRuntime, ServerURL: c.ServerURL,
			}}
		}
		if err := c.Records.Commit(ctx, c.putMachine(row, m)); err != nil {
			return err
		}
		return nil
	})
	return o, 0, err
}

// unburn takes back a name for which no call was made, for want of budget: the machine stays assigned (rule 4.6).
func (c *Controller) unburn(ctx context.Context, id fleet.MachineID, name string, b *BudgetError) (time.Duration, error) {
	c.Logger.InfoContext(ctx, "a registration waits for budget", "machine", id.String(), "until", b.Until, "reason", b.Reason)
	err := c.changeMachine(ctx, id, func(m *fleet.Machine, _ time.Time) bool {
		n := len(m.Runners)
		if n == 0 || m.Runners[n-1].Name != name {
			return false
		}
		m.Waits++
		m.Runners = m.Runners[: n-1 : n-1]
		return true
	})
	return max(b.Until.Sub(c.Clock.Now()), mintPause), err
}

// mintRefused backs the demand off, tells the author, and returns the machine to ready (rule 4.6).
func (c *Controller) mintRefused(ctx context.Context, id fleet.MachineID, k fleet.DemandKey, refused *RefusedError) error {
	var shape fleet.ShapeKey
	err := c.retry(ctx, func() error {
		row, err := c.Records.Machine(ctx, id)
		if err != nil || !row.Exists() {
			return err
		}
		demand, err := c.Records.Demand(ctx, k)
		if err != nil || !demand.Exists() {
			return err
		}
		head, err := c.Records.Head(ctx, demand.V.Shape)
		if err != nil {
			return err
		}
		now := c.Clock.Now()
		state := demand.V.MintRefused(refused.Error(), now)
		h := head.V
		h.Refused = map[fleet.DemandKey]time.Time{k: state.RefusedUntil}
		for other, until := range head.V.Refused {
			if other != k {
				h.Refused[other] = until
			}
		}
		writes := [][]store.Write{
			c.Records.PutDemand(demand, state, now.Add(keepDemands)), c.Records.PutHead(head, h),
		}
		if row.V.State == fleet.MachineAssigned && row.V.Demand == k {
			m := row.V
			m.Demand, m.Assigned = "", time.Time{}
			writes = append(writes, c.putMachine(row, m.To(fleet.MachineReady, now, "GitHub refused its registration: "+refused.Error()+".")))
		}
		shape = demand.V.Shape
		return c.Records.Commit(ctx, writes...)
	})
	if err != nil {
		return err
	}
	c.Logger.WarnContext(ctx, "GitHub refuses registrations for a demand", "demand", k, "error", refused)
	c.hints.now(shape)
	c.hints.spawn(ctx, "report refusal of "+string(k), func(ctx context.Context) { c.reportRefusal(ctx, k, refused) }, func() {})
	return nil
}

// reportRefusal says on the commit of the demand's oldest job why it waits.
func (c *Controller) reportRefusal(ctx context.Context, k fleet.DemandKey, refused *RefusedError) {
	demand, err := c.Records.Demand(ctx, k)
	if err != nil || !demand.Exists() {
		return
	}
	queued, err := c.queuedOf(ctx, demand.V)
	if err != nil || len(queued) == 0 {
		return
	}
	text := "GitHub does not let runs-fleet register a runner for these labels: " + refused.Error() +
		". An operator can see with `runs-fleet doctor` what is missing. The next try is at " + demand.V.RefusedUntil.UTC().Format(time.RFC1123) + "."
	err = c.changeJob(ctx, queued[0], func(j *fleet.Job, now time.Time) bool {
		j.History = j.History.Add(now, "refused", text)
		return true
	})
	if err != nil {
		c.Logger.WarnContext(ctx, "a refusal is not in the job's history", "job", queued[0].ID, "error", err)
	}
	row, err := c.Records.Job(ctx, queued[0])
	if err != nil || row.V.HeadSHA == "" {
		return
	}
	callCtx, cancel := c.Clock.WithTimeout(ctx, githubDeadline)
	defer cancel()
	err = c.GitHub.Report(callCtx, CommitReport{
		Repository: row.V.Repository, SHA: row.V.HeadSHA, Title: "runner refused by GitHub", Summary: text, URL: c.DashboardURL, Failed: true,
	})
	if err != nil {
		c.Observer.FellBack(FallbackReport)
		c.Logger.WarnContext(ctx, "the author could not be told on the commit", "job", row.V.ID.ID, "error", err)
	}
}
