package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// joining lets the machines of one launch that say hello before its answer has been applied attach together. Each by itself
// would be a transaction on the launch's row, and of ninety that come at once nearly all would lose.
type joining struct {
	mu      sync.Mutex
	batches map[string]*batch // by launch, while somebody attaches for it
}

// batch is what waits while the one who came first attaches.
type batch struct {
	instances []provider.Instance
	done      chan struct{}
	err       error
}

// errAbandoned is what those who waited get when the one who attached for them was ended in the middle.
var errAbandoned = errors.New("attaching was interrupted")

// join attaches the machine of a hello, unless its row exists already.
func (c *Controller) join(ctx context.Context, id Identity) error {
	row, err := c.Records.Machine(ctx, fleet.MachineID{Site: id.Site, ID: id.Instance})
	if err != nil || row.Exists() {
		return err
	}
	instance := provider.Instance{ID: id.Instance, LaunchID: id.Launch, Site: id.Site}
	j := &c.joins
	j.mu.Lock()
	if b := j.batches[id.Launch]; b != nil {
		b.instances = append(b.instances, instance)
		j.mu.Unlock()
		<-b.done
		// All who waited wake at once: the clock says who goes on first, so that a simulation can repeat it.
		if err := c.Clock.Sleep(ctx, 0); err != nil {
			return fmt.Errorf("attaching %s: %w", id.Instance, err)
		}
		return b.err
	}
	if j.batches == nil {
		j.batches = map[string]*batch{}
	}
	next := &batch{done: make(chan struct{})}
	j.batches[id.Launch] = next
	j.mu.Unlock()
	served := false
	defer func() {
		if !served { // ended in the middle: nobody may wait for ever
			j.abandon(id.Launch)
		}
	}()
	own := c.attach(ctx, id.Launch, []provider.Instance{instance})
	c.attachWaiting(ctx, id.Launch, next)
	served = true
	return own
}

// abandon wakes those who wait for somebody who has ended.
func (j *joining) abandon(launch string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if b := j.batches[launch]; b != nil {
		b.err = errAbandoned
		close(b.done)
		delete(j.batches, launch)
	}
}

// attachWaiting attaches those who came meanwhile, until nobody has.
func (c *Controller) attachWaiting(ctx context.Context, launch string, b *batch) {
	j := &c.joins
	for {
		j.mu.Lock()
		if len(b.instances) == 0 {
			delete(j.batches, launch)
			j.mu.Unlock()
			return
		}
		next := &batch{done: make(chan struct{})}
		j.batches[launch] = next
		j.mu.Unlock()
		c.attachBatch(ctx, launch, b)
		b = next
	}
}

func (c *Controller) attachBatch(ctx context.Context, launch string, b *batch) {
	b.err = errAbandoned
	defer close(b.done)
	var errs []error
	for len(b.instances) > 0 {
		n := min(attachMost, len(b.instances))
		errs = append(errs, c.attach(ctx, launch, b.instances[:n]))
		b.instances = b.instances[n:]
	}
	b.err = errors.Join(errs...)
}
