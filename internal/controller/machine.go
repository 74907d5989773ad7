package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// looksAtOnce bounds how many looks of one machine follow each other without a pause.
const looksAtOnce = 4

// lookAtMachine does what is due for a machine. What fails, or stays unknown, is tried again later.
func (c *Controller) lookAtMachine(ctx context.Context, id fleet.MachineID) {
	for range looksAtOnce {
		m, err := c.Records.Machine(ctx, id)
		if err != nil {
			c.Observer.FellBack(FallbackStep)
			c.Logger.WarnContext(ctx, "a machine is looked at later", "machine", id.String(), "error", err)
			return
		}
		if !m.Exists() {
			return
		}
		at, what := firstLook(m.V)
		if what == lookNothing || c.Clock.Now().Before(at) {
			return
		}
		if err = c.do(ctx, m, what); err == nil || store.IsConflict(err) || ctx.Err() != nil {
			continue
		}
		c.Observer.FellBack(FallbackStep)
		c.Logger.WarnContext(ctx, "a step of a machine's life is tried again", "machine", id.String(), "state", m.V.State, "error", err)
		c.again(ctx, id, err)
		return
	}
}

// again puts a machine's next look off after an unknown answer.
func (c *Controller) again(ctx context.Context, id fleet.MachineID, cause error) {
	wait := tryAgain
	if budget, ok := errors.AsType[*BudgetError](cause); ok {
		wait = max(wait, budget.Until.Sub(c.Clock.Now()))
	}
	err := c.changeMachine(ctx, id, func(m *fleet.Machine, now time.Time) bool {
		m.Again = now.Add(wait)
		return true
	})
	if err != nil {
		c.Logger.WarnContext(ctx, "a machine's next look could not be put off", "machine", id.String(), "error", err)
	}
}

// changeMachine rewrites a machine's row; f returns false to leave it.
func (c *Controller) changeMachine(ctx context.Context, id fleet.MachineID, f func(*fleet.Machine, time.Time) bool) error {
	return c.retry(ctx, func() error {
		row, err := c.Records.Machine(ctx, id)
		if err != nil || !row.Exists() {
			return err
		}
		m := row.V
		if !f(&m, c.Clock.Now()) {
			return nil
		}
		return c.Records.Commit(ctx, c.putMachine(row, m))
	})
}

// put writes a machine that was read, and makes its shape be looked at.
func (c *Controller) put(ctx context.Context, old kept, m fleet.Machine) error {
	if err := c.Records.Commit(ctx, c.putMachine(old, m)); err != nil {
		return err
	}
	c.hints.now(m.Shape)
	c.wake(m.ID)
	return nil
}

func (c *Controller) do(ctx context.Context, m kept, what look) error {
	now := c.Clock.Now()
	switch what {
	case lookBoot:
		return c.fail(ctx, m, "BootTimeout", "it did not report within "+m.V.BootUntil().Sub(m.V.Launched).String()+" of its launch")
	case lookLease:
		return c.leaseExpired(ctx, m, now)
	case lookListing:
		return c.listFor(ctx, m)
	case lookWorker:
		return c.noWorker(ctx, m)
	case lookMatch:
		return c.unmatched(ctx, m)
	case lookEnded:
		r := retiring(m.V, textAgentIdle, now)
		r.Retire.Cleared = true
		return c.put(ctx, m, r)
	case lookRuntime:
		r := retiring(m.V, textOverrun+" of "+m.V.MaxRuntime.String(), now)
		r.Retire.Cleared = true
		return c.put(ctx, m, r)
	case lookDelete:
		return c.deleteRunners(ctx, m)
	case lookGets:
		return c.whoRunsOn(ctx, m)
	case lookTerminate:
		return c.terminate(ctx, m)
	case lookArchive:
		return c.archiveBad(ctx, m)
	default:
		return nil
	}
}

// leaseExpired begins a retirement without the agent (rules 3.5, 6.2).
func (c *Controller) leaseExpired(ctx context.Context, m kept, now time.Time) error {
	c.Observer.FellBack(FallbackLease)
	return c.put(ctx, m, retiring(m.V, textSilent+" since "+m.V.Lease.Add(-fleet.LeaseLocal).UTC().Format("15:04:05 UTC"), now))
}

// fail takes a machine out of the supply at once and rests its shape's market for the code.
func (c *Controller) fail(ctx context.Context, m kept, code, text string) error {
	now := c.Clock.Now()
	head, err := c.Records.Head(ctx, m.V.Shape)
	if err != nil {
		return err
	}
	r := retiring(m.V, text, now)
	r.Code = code
	r.Retire.Cleared = true
	writes := [][]store.Write{c.putMachine(m, r)}
	if head.Exists() {
		writes = append(writes, c.Records.PutHead(head, backOff(head.V, m.V.ID.Site.Region, m.V.Market, code, text, now)))
	}
	if err := c.Records.Commit(ctx, writes...); err != nil {
		return err
	}
	c.Logger.WarnContext(ctx, "a machine failed", "machine", m.V.ID.String(), "code", code, "reason", text)
	c.hints.now(m.V.Shape)
	return nil
}

// noWorker looks the job of an attributed machine up, then retires the machine (rule 5.5).
func (c *Controller) noWorker(ctx context.Context, m kept) error {
	c.Observer.FellBack(FallbackNoWorker)
	if err := c.lookUp(ctx, m.V.Repository, m.V.Job); err != nil {
		return err
	}
	return c.changeMachine(ctx, m.V.ID, func(x *fleet.Machine, now time.Time) bool {
		if x.State != fleet.MachineWorking || !x.WorkerStarted.IsZero() || x.Job != m.V.Job {
			return false
		}
		*x = retiring(*x, textNoWorker, now)
		return true
	})
}

// terminate ends a machine for good and gives its room back.
func (c *Controller) terminate(ctx context.Context, m kept) error {
	callCtx, cancel := c.Clock.WithTimeout(ctx, terminateDeadline)
	defer cancel()
	if err := c.Provider.Terminate(callCtx, m.V.ID.Site, []string{m.V.ID.ID}); err != nil {
		return fmt.Errorf("terminating %s: %w", m.V.ID, err)
	}
	return c.retry(ctx, func() error { return c.gone(ctx, m.V.ID, "") })
}

// terminateDeadline bounds one call that ends a machine.
const terminateDeadline = 30 * time.Second

// gone writes that a machine has ended; reason is the provider's, if it ended by itself.
func (c *Controller) gone(ctx context.Context, id fleet.MachineID, reason string) error {
	m, err := c.Records.Machine(ctx, id)
	if err != nil || !m.Exists() || !m.V.Live() {
		return err
	}
	live, err := c.Records.Live(ctx, id.Site.Environment)
	if err != nil {
		return err
	}
	now := c.Clock.Now()
	state, text := fleet.MachineGone, "It has ended."
	if m.V.Retire != nil {
		text = "It has ended: " + m.V.Retire.Reason + "."
	}
	if reason != "" {
		text = "The provider says that it has ended: " + reason + "."
	}
	if m.V.Code != "" {
		state = fleet.MachineFailed
	}
	ended := m.V.To(state, now, text)
	ended.Ended, ended.Again, ended.Lease = now, time.Time{}, time.Time{}
	ended.WorkerRunning = false
	if c.Archive != nil && endedBadly(m.V) {
		ended.Archive = now // a row that is due, so that no restart forgets it
	}
	err = c.Records.Commit(ctx, c.putMachine(m, ended),
		c.Records.PutLive(live, id.Site.Environment, record.Live{Count: max(0, live.V.Count-1)}))
	if err != nil {
		return err
	}
	c.Observer.MachineEnded(MachineEnd{State: state, Worked: worked(m.V), Reason: endReason(m.V, reason != "")})
	c.Logger.InfoContext(ctx, "machine ended", "machine", id.String(), "state", state, "job", m.V.Job, "reason", text)
	c.archiveRunner(ctx, ended)
	c.hints.now(m.V.Shape)
	c.wake(id)
	c.hintWaiting(ctx, id.Site.Environment)
	return nil
}
