package controller

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// How messages are taken.
const (
	receiveWait   = 20 * time.Second // the longest poll that SQS allows
	receiveBatch  = queue.MaxBatch
	handleTimeout = 45 * time.Second // below the queue's visibility time of 60 s
	retryFirst    = 2 * time.Second  // a message that could not be applied comes back after this, doubling
	retryMost     = 2 * time.Minute
	receivePause  = time.Second // after a receive that failed
)

// takeMessages receives until nothing is left, then waits (failure mode B4). A message is deleted only after its effect is
// stored (AckAfterDurable); one that fails comes back.
func (c *Controller) takeMessages(ctx context.Context, worker int) {
	var deleting sync.WaitGroup // while the next messages are received
	defer deleting.Wait()
	for ctx.Err() == nil {
		if worker >= floodWorkers && c.flood.lasts(c.Clock.Now()) {
			_ = c.Clock.Sleep(ctx, floodPause)
			continue
		}
		if c.Claims() != nil { // what cannot be stored would only come back
			_ = c.Clock.Sleep(ctx, receivePause)
			continue
		}
		messages, err := c.Queue.Receive(ctx, receiveBatch, receiveWait)
		if err != nil {
			if ctx.Err() == nil {
				c.Observer.FellBack(FallbackReceive)
				c.Logger.WarnContext(ctx, "receiving from the queue; trying again", "error", err)
				_ = c.Clock.Sleep(ctx, receivePause)
			}
			continue
		}
		c.flood.received(len(messages), c.Clock.Now())
		done := c.handleAll(ctx, messages)
		if len(done) == 0 {
			continue
		}
		deleting.Go(func() { c.deleteMessages(c.begin(ctx, "delete "+done[0]), done) })
	}
}

// deleteMessages forgets messages whose effects are stored.
func (c *Controller) deleteMessages(ctx context.Context, receipts []string) {
	ctx, cancel := c.Clock.WithTimeout(context.WithoutCancel(ctx), handleTimeout)
	defer cancel()
	if err := c.Queue.Delete(ctx, receipts...); err != nil {
		c.Observer.FellBack(FallbackDelete)
		c.Logger.WarnContext(ctx, "messages were applied but not deleted; applying them again changes nothing", "error", err)
	}
}

// handleAll applies messages side by side, since each waits for the disk and all may share one sync, and returns the
// receipts of those that are done with.
func (c *Controller) handleAll(ctx context.Context, messages []queue.Message) []string {
	handled := make([]bool, len(messages))
	var all sync.WaitGroup
	for i, m := range messages {
		all.Go(func() { handled[i] = c.handle(c.begin(ctx, "message "+m.ID), m) })
	}
	all.Wait()
	var done []string
	for i, m := range messages {
		if handled[i] {
			done = append(done, m.Receipt)
		}
	}
	return done
}

// handle applies one message and says whether it is done with.
func (c *Controller) handle(ctx context.Context, m queue.Message) (done bool) {
	defer c.recovered("message " + m.ID)
	// A message in hand is finished even while the server stops (failure mode B13).
	work, cancel := c.Clock.WithTimeout(context.WithoutCancel(ctx), handleTimeout)
	defer cancel()
	e, err := DecodeEvent(m.Body)
	if err == nil && e.Job != nil {
		end := c.arrivals.receive(fleet.JobID{Host: e.Job.Repository.Host, ID: e.Job.Job}, e.Received)
		err = c.Apply(work, *e.Job)
		end()
	}
	if err == nil {
		return true
	}
	wait := min(retryFirst<<min(m.Receives, 8), retryMost)
	if budget, ok := errors.AsType[*BudgetError](err); ok {
		wait = max(wait, budget.Until.Sub(c.Clock.Now()))
	}
	c.Observer.FellBack(FallbackDelivery)
	c.Logger.WarnContext(ctx, "a delivery could not be applied and will come back", "message", m.ID, "receives", m.Receives, "wait", wait, "error", err)
	if err := c.Queue.Extend(work, m.Receipt, min(wait, 10*time.Minute)); err != nil {
		c.Logger.WarnContext(ctx, "the delivery comes back after the queue's own time", "message", m.ID, "error", err)
	}
	return false
}
