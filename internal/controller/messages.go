package controller

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
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
	handleLong    = 50 * time.Millisecond // applying is a matter of few milliseconds, unless GitHub has to be asked
	receivePause  = time.Second           // after a receive that failed
)

// takeMessages is one worker: it receives and applies until nothing is left, then waits (failure mode B4). A message is
// deleted only after its effect is stored (AckAfterDurable); one that fails comes back.
func (c *Controller) takeMessages(ctx context.Context) {
	for ctx.Err() == nil {
		if !c.takeTurn(ctx) {
			return
		}
	}
}

// takeTurn is one turn of a worker, which a bug does not end.
func (c *Controller) takeTurn(ctx context.Context) (goesOn bool) {
	bug := true
	defer func() {
		if bug {
			goesOn = c.Clock.Sleep(ctx, bugPause) == nil
		}
	}()
	defer c.recovered("queue worker")
	goesOn = c.takeSome(ctx)
	bug = false
	return goesOn
}

// takeSome receives and applies once, and says whether the worker goes on.
func (c *Controller) takeSome(ctx context.Context) bool {
	if c.Claims() != nil { // what cannot be stored would only come back
		_ = c.Clock.Sleep(ctx, receivePause)
		return true
	}
	messages, err := c.Queue.Receive(ctx, receiveBatch, receiveWait)
	if err != nil {
		if ctx.Err() == nil {
			c.Observer.FellBack(FallbackReceive)
			c.Logger.WarnContext(ctx, "receiving from the queue; trying again", "error", err)
			_ = c.Clock.Sleep(ctx, receivePause)
		}
		return true
	}
	began, full := c.Clock.Now(), len(messages) == receiveBatch
	flooded := c.flooded(began)
	if full && !flooded && c.crew.joins(c.Workers) {
		c.startWorker(ctx)
	}
	c.acknowledge(ctx, c.handleAll(ctx, messages))
	if full && !flooded {
		return true
	}
	if c.crew.leaves() {
		return false
	}
	if flooded {
		_ = c.Clock.Sleep(ctx, floodRest*c.Clock.Now().Sub(began))
	}
	return true
}

// flooded says whether deliveries are in need of what applying them takes.
func (c *Controller) flooded(now time.Time) bool {
	q, ok := c.Queue.(queue.Sending)
	return ok && c.flood.note(q.Sending(), now)
}

// startWorker starts a worker that the crew has counted already.
func (c *Controller) startWorker(ctx context.Context) {
	c.spawn(ctx, "queue worker "+strconv.FormatUint(c.crew.number(), 10), c.takeMessages)
}

// handleAll applies messages side by side, since each may wait, and returns the receipts of those that are done with.
// While that takes long, another worker goes on in this one's place.
func (c *Controller) handleAll(ctx context.Context, messages []queue.Message) []string {
	if len(messages) == 0 {
		return nil
	}
	handled, over := make([]bool, len(messages)), make([]atomic.Bool, len(messages))
	var all, holding sync.WaitGroup
	held, release := context.WithCancel(context.WithoutCancel(ctx))
	holding.Go(func() { c.hold(c.begin(held, "hold "+messages[0].ID), messages, over) })
	applied, wake := context.WithCancel(ctx)
	defer wake()
	var left atomic.Int64
	left.Store(int64(len(messages)))
	for i, m := range messages {
		all.Go(func() {
			handled[i] = c.handle(c.begin(ctx, "message "+m.ID), m, &over[i])
			if left.Add(-1) == 0 {
				wake()
			}
		})
	}
	if c.Clock.Sleep(applied, handleLong) == nil && left.Load() > 0 {
		if c.crew.stuck(c.Workers) {
			c.startWorker(ctx)
		}
		defer c.crew.goesOn()
	}
	all.Wait()
	release()
	holding.Wait()
	var done []string
	for i, m := range messages {
		if handled[i] {
			done = append(done, m.Receipt)
		}
	}
	return done
}

// handle applies one message and says whether it is done with. It sets over when the message is no longer worked on.
func (c *Controller) handle(ctx context.Context, m queue.Message, over *atomic.Bool) (done bool) {
	defer c.recovered("message " + m.ID)
	// A message in hand is finished even while the server stops (failure mode B13).
	work, cancel := c.Clock.WithTimeout(context.WithoutCancel(ctx), handleTimeout)
	defer cancel()
	err := c.applyMessage(work, m)
	over.Store(true)
	if err == nil {
		return true
	}
	wait := min(retryFirst<<min(m.Receives, 8), retryMost)
	if budget, ok := errors.AsType[*BudgetError](err); ok {
		wait = max(wait, budget.Until.Sub(c.Clock.Now()))
	}
	c.Observer.FellBack(FallbackDelivery)
	c.Logger.WarnContext(ctx, "a delivery could not be applied and will come back", "message", m.ID, "receives", m.Receives, "wait", wait, "error", err)
	// The time of the work may be over.
	after := context.WithoutCancel(ctx)
	if err := c.extend(after, m, min(wait, 10*time.Minute)); err != nil {
		c.Logger.WarnContext(ctx, "the delivery comes back after the queue's own time", "message", m.ID, "error", err)
	}
	noting, cancelNoting := c.Clock.WithTimeout(after, extendTimeout)
	defer cancelNoting()
	c.noteReason(noting, m, err)
	return false
}

// applyMessage applies one message. A bug that it meets is an error of this message alone (failure mode A4).
func (c *Controller) applyMessage(ctx context.Context, m queue.Message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.met("message "+m.ID, r)
			err = fmt.Errorf("a bug was met, see the server's log: %v", r)
		}
	}()
	e, err := DecodeEvent(m.Body)
	if err != nil || e.Job == nil {
		return err
	}
	end := c.arrivals.receive(fleet.JobID{Host: e.Job.Repository.Host, ID: e.Job.Job}, e.Received)
	defer end()
	return c.Apply(ctx, *e.Job)
}
