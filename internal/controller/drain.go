package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// drainEvery is how often a drain looks whether it is done.
const drainEvery = 200 * time.Millisecond

// Drain launches nothing more, retires the machines that have no job, and returns when none lives, or with the context. The
// fleet drains, with all its replicas, until this one stops.
func (c *Controller) Drain(ctx context.Context) error {
	c.draining.Store(true)
	c.leases.announce()
	for {
		machines, err := c.Records.LiveMachines(ctx)
		if err != nil {
			return fmt.Errorf("listing machines: %w", err)
		}
		for _, m := range machines {
			if err := c.retireIdle(ctx, m.ID); err != nil {
				c.Logger.WarnContext(ctx, "a machine is retired later", "machine", m.ID.String(), "error", err)
			}
		}
		if len(machines) == 0 {
			return nil
		}
		if err := c.Clock.Sleep(ctx, drainEvery); err != nil {
			return fmt.Errorf("draining, %d machines left: %w", len(machines), err)
		}
	}
}

// Draining says whether the fleet launches nothing more.
func (c *Controller) Draining() bool { return c.draining.Load() || c.leases.othersDrain() }

func (c *Controller) retireIdle(ctx context.Context, id fleet.MachineID) error {
	began := false
	err := c.changeMachine(ctx, id, func(m *fleet.Machine, now time.Time) bool {
		switch m.State {
		case fleet.MachineStarting, fleet.MachineReady, fleet.MachineAssigned, fleet.MachineListening:
			*m = retiring(*m, textDraining, now)
			began = true
			return true
		default:
			return false
		}
	})
	if began {
		c.wake(id)
	}
	return err
}

// Kill ends every machine at once, whatever it runs, and deletes the registrations. It tries all of them.
func (c *Controller) Kill(ctx context.Context) error {
	c.draining.Store(true)
	machines, err := c.Records.LiveMachines(ctx)
	if err != nil {
		return fmt.Errorf("listing machines: %w", err)
	}
	var failed error
	for _, m := range machines {
		err := c.changeMachine(ctx, m.ID, func(m *fleet.Machine, now time.Time) bool {
			if !m.Live() {
				return false
			}
			*m = retiring(*m, textKilled, now)
			m.Retire.Cleared = true
			return true
		})
		if err == nil {
			c.lookAtMachine(ctx, m.ID) // terminates, then deletes its names
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
