package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Archive keeps logs of machines that have ended. Keeping one again changes nothing.
type Archive interface {
	Keep(ctx context.Context, id fleet.MachineID, l fleet.Log, content []byte) error
}

const (
	// archiveDeadline bounds the keeping of one log, and a server's wait for it when it stops.
	archiveDeadline = 10 * time.Second
	// archiveAgain is the pause before the logs of a machine that ended badly are tried again.
	archiveAgain = time.Minute
	// archiveFor is how long that goes on: EC2 forgets a console about an hour after the instance's end (Amazon EC2 User Guide,
	// "Instance console output").
	archiveFor = time.Hour
	// archivingMost is how many runners' logs are written at a time by one replica.
	archivingMost = 16
)

// archiving is the room for writes of runners' logs.
type archiving chan struct{}

func (a archiving) enter(ctx context.Context) error {
	select {
	case a <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a archiving) leave() { <-a }

// endedBadly says whether somebody will want to read what a machine printed while it booted: it failed, ended by itself, or
// its agent fell silent. Pure.
func endedBadly(m fleet.Machine) bool {
	return m.Code != "" || m.Retire == nil || m.Retire.Silent
}

// archiveBad keeps the logs of a machine that has ended badly. What fails is tried again for an hour; it holds up nothing.
func (c *Controller) archiveBad(ctx context.Context, m kept) error {
	var failed error
	got := false
	if c.Archive != nil { // another replica may have had one
		if got, failed = c.archiveConsole(ctx, m.V); failed == nil {
			failed = c.keepLog(ctx, m.V.ID, fleet.LogRunner, m.V.Diagnostics)
		}
	}
	if failed != nil {
		c.Observer.FellBack(FallbackArchive)
		c.Logger.WarnContext(ctx, "the logs of a machine that has ended are archived later", "machine", m.V.ID.String(), "error", failed)
	}
	return c.changeMachine(ctx, m.V.ID, func(x *fleet.Machine, now time.Time) bool {
		x.Archive, x.Archived = time.Time{}, x.Archived || got
		if failed != nil && now.Sub(x.Ended) < archiveFor {
			x.Archive = now.Add(archiveAgain)
		}
		return true
	})
}

// archiveConsole keeps what a machine printed, if the provider still knows of any.
func (c *Controller) archiveConsole(ctx context.Context, m fleet.Machine) (kept bool, err error) {
	callCtx, cancel := c.Clock.WithTimeout(ctx, archiveDeadline)
	defer cancel()
	console, err := c.Provider.ConsoleLog(callCtx, m.ID.Site, m.ID.ID)
	if err != nil {
		return false, fmt.Errorf("reading the console log of %s: %w", m.ID, err)
	}
	if len(console) == 0 {
		return false, nil
	}
	err = c.keepLog(ctx, m.ID, fleet.LogConsole, string(console))
	return err == nil, err
}

func (c *Controller) keepLog(ctx context.Context, id fleet.MachineID, l fleet.Log, text string) error {
	if text == "" {
		return nil
	}
	ctx, cancel := c.Clock.WithTimeout(ctx, archiveDeadline)
	defer cancel()
	return c.Archive.Keep(ctx, id, l, []byte(text))
}

// archiveRunner keeps the runner's log of a machine that has ended as it should, beside everything else. No row is due for
// it: the machine's own row has the same text for as long as it is kept, and a second write for each machine would be dear.
func (c *Controller) archiveRunner(ctx context.Context, m fleet.Machine) {
	if c.Archive == nil || m.Diagnostics == "" || !m.Archive.IsZero() {
		return
	}
	c.spawn(ctx, "logs of "+m.ID.String(), func(ctx context.Context) {
		err := c.archives.enter(ctx)
		if err == nil {
			defer c.archives.leave()
			err = c.keepLog(context.WithoutCancel(ctx), m.ID, fleet.LogRunner, m.Diagnostics) // a server that stops ends what it has begun
		}
		if err != nil {
			c.Observer.FellBack(FallbackArchive)
			c.Logger.WarnContext(ctx, "the log of a runner is not archived: it is kept for a week only", "machine", m.ID.String(), "error", err)
		}
	})
}
