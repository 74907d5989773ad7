package simulate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// queueSeam is the queue as one life of a replica reaches it.
type queueSeam struct {
	w *World
	d *domain
}

var _ queue.Queue = queueSeam{}

// receiver is a long poll that found nothing.
type receiver struct {
	d      *domain
	cancel context.CancelFunc
}

// lookAgain bounds how late a message is noticed whose receiver died before it could take it.
const lookAgain = 20 * time.Second

// visibility is how long a delivery stays invisible.
const visibility = time.Minute

func (q queueSeam) call(ctx context.Context, key string) error {
	q.w.s.park(ctx, q.d, key, q.w.s.now.Add(q.w.fate.between(storeLeast, storeMost)))
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// Send implements queue.Queue.
func (q queueSeam) Send(ctx context.Context, messages ...queue.Outgoing) error {
	lost, twice, late := q.w.strikes(QueueTimeout), q.w.strikes(QueueTwice), q.w.strikes(QueueLate)
	delay := q.w.fate.between(time.Second, 2*time.Minute)
	if err := q.call(ctx, "send"); err != nil {
		return err
	}
	q.w.called(ctx, "SendMessageBatch")
	if late {
		for i := range messages {
			messages[i].Delay = delay
		}
	}
	if err := q.w.queue.Send(ctx, messages...); err != nil {
		return err
	}
	q.w.check.stored[seam.Task(ctx)] = true
	if twice {
		_ = q.w.queue.Send(ctx, messages...) // a message that is delivered twice is as good as two
	}
	for _, m := range messages {
		q.visibleAfter(m.Delay)
	}
	if lost {
		return fmt.Errorf("sending: %w", errCut)
	}
	return nil
}

// visibleAfter wakes a receiver when a message becomes visible.
func (q queueSeam) visibleAfter(d time.Duration) {
	if d <= 0 {
		q.w.wakeReceiver()
		return
	}
	q.w.s.after(d, "a message becomes visible", q.w.wakeReceiver)
}

// wakeReceiver lets one of those who wait look, whichever: queues have no favourite.
func (w *World) wakeReceiver() {
	w.waiting = slices.DeleteFunc(w.waiting, func(r *receiver) bool { return r.d.dead })
	var awake []int
	for i, r := range w.waiting {
		if !w.s.now.Before(r.d.paused) {
			awake = append(awake, i)
		}
	}
	if len(awake) == 0 {
		return
	}
	i := awake[w.queuey.below(len(awake))]
	w.waiting[i].cancel()
	w.waiting = slices.Delete(w.waiting, i, i+1)
}

// Receive implements queue.Queue.
func (q queueSeam) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	end := q.w.s.now.Add(wait)
	q.w.called(ctx, "ReceiveMessage")
	for {
		if err := q.call(ctx, "receive"); err != nil {
			return nil, err
		}
		got, err := q.w.queue.Receive(ctx, limit, 0)
		for _, m := range got {
			q.w.check.took(m.Receipt, m.Body)
			q.visibleAfter(visibility)
		}
		if err != nil || len(got) > 0 || !q.w.s.now.Before(end) {
			return got, err
		}
		until := q.w.s.now.Add(lookAgain)
		if end.Before(until) {
			until = end
		}
		sleep, cancel := context.WithCancel(ctx)
		waits := &receiver{q.d, cancel}
		q.w.waiting = append(q.w.waiting, waits)
		q.w.s.park(sleep, q.d, "receive: wait", until)
		q.w.waiting = slices.DeleteFunc(q.w.waiting, func(r *receiver) bool { return r == waits })
		cancel()
	}
}

// Delete implements queue.Queue.
func (q queueSeam) Delete(ctx context.Context, receipts ...string) error {
	lost := q.w.strikes(QueueTimeout)
	before := q.w.fate.chance(0.5)
	if err := q.call(ctx, "delete"); err != nil {
		return err
	}
	q.w.called(ctx, "DeleteMessageBatch")
	if lost && before {
		return fmt.Errorf("deleting: %w", errCut)
	}
	for _, r := range receipts {
		q.w.check.acknowledged(r)
	}
	if err := q.w.queue.Delete(ctx, receipts...); err != nil {
		return err
	}
	if lost {
		return fmt.Errorf("deleting: %w", errCut)
	}
	return nil
}

// Extend implements queue.Queue.
func (q queueSeam) Extend(ctx context.Context, receipt string, d time.Duration) error {
	if err := q.call(ctx, "extend"); err != nil {
		return err
	}
	q.w.called(ctx, "ChangeMessageVisibility")
	if err := q.w.queue.Extend(ctx, receipt, d); err != nil {
		return err
	}
	q.visibleAfter(d)
	return nil
}

// Ready implements queue.Queue.
func (q queueSeam) Ready(ctx context.Context) error { return q.call(ctx, "ready") }

// Dead implements queue.Queue.
func (q queueSeam) Dead(ctx context.Context, limit int) ([]queue.Message, error) {
	if err := q.call(ctx, "dead"); err != nil {
		return nil, err
	}
	return q.w.queue.Dead(ctx, limit)
}

// Redrive implements queue.Queue.
func (q queueSeam) Redrive(ctx context.Context) (int, error) {
	if err := q.call(ctx, "redrive"); err != nil {
		return 0, err
	}
	n, err := q.w.queue.Redrive(ctx)
	for range n {
		q.w.wakeReceiver()
	}
	return n, err
}

// Close implements queue.Queue.
func (queueSeam) Close() error { return nil }
