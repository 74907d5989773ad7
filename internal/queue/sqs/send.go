package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/runs-fleet/runs-fleet/internal/queue"
)

// maxFlights is how many calls carry messages at a time. What comes while all are under way goes together in the next, so
// that a burst of single messages costs a tenth of the calls, and a single one waits for none.
const maxFlights = 4

// batches are the messages that are to be sent.
type batches struct {
	waiting []*outgoing
	flights int
}

// outgoing is one message of a Send.
type outgoing struct {
	encoded
	of *sending
}

// sending is one call of Send.
type sending struct {
	ctx  context.Context //nolint:containedctx // of the caller, which may give up before its messages are sent
	left int
	errs []error
	done chan struct{} // closed when none is left
}

// Send implements queue.Queue. Messages of several callers share a call; each caller is told of its own alone. It fails
// within Options.SendTimeout of its turn.
func (q *Queue) Send(ctx context.Context, messages ...queue.Outgoing) error {
	if err := queue.CheckSend(messages); err != nil {
		return err
	}
	doing := fmt.Sprintf("sending %d messages to %s", len(messages), q.name)
	if err := q.open(ctx); err != nil {
		return q.fail(doing, err)
	}
	if len(messages) == 0 {
		return nil
	}
	s := &sending{ctx: ctx, left: len(messages), done: make(chan struct{})}
	batch := make([]*outgoing, 0, len(messages))
	for _, m := range messages {
		batch = append(batch, &outgoing{encoded: encode(m), of: s})
	}
	if err := q.submit(batch); err != nil {
		return q.fail(doing, err)
	}
	select {
	case <-s.done:
		return q.fail(doing, errors.Join(s.errs...))
	case <-ctx.Done():
		return q.fail(doing, ctx.Err())
	}
}

// submit hands messages over to calls of their own, as far as there may be any, or to those that are under way.
func (q *Queue) submit(messages []*outgoing) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	q.batches.waiting = append(q.batches.waiting, messages...)
	for q.batches.flights < maxFlights && len(q.batches.waiting) > 0 {
		q.batches.flights++
		q.running.Add(1)
		first := q.batches.take()
		go func() {
			defer q.running.Done()
			for batch := first; len(batch) > 0; batch = q.next() {
				q.fly(batch)
			}
		}()
	}
	return nil
}

func (b *batches) take() []*outgoing {
	n := fitting(b.waiting)
	taken := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	return taken
}

// next gives a call that has ended what came meanwhile, and ends its turn if nothing did.
func (q *Queue) next() []*outgoing {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches.waiting) == 0 {
		q.batches.waiting = nil
		q.batches.flights--
		return nil
	}
	return q.batches.take()
}

// fly sends a batch and tells the callers.
func (q *Queue) fly(batch []*outgoing) {
	ctx, cancel := q.opts.Clock.WithTimeout(context.Background(), q.opts.SendTimeout)
	defer cancel()
	var wanted []*outgoing
	for _, m := range batch {
		if err := m.of.ctx.Err(); err != nil {
			q.sent(m, err)
			continue
		}
		wanted = append(wanted, m)
	}
	for i, err := range q.sendBatch(ctx, wanted) {
		q.sent(wanted[i], err)
	}
}

// sent is called once for each message; those of one Send may be in several calls.
func (q *Queue) sent(m *outgoing, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := m.of
	if err != nil {
		s.errs = append(s.errs, err)
	}
	if s.left--; s.left == 0 {
		close(s.done)
	}
}

// sendBatch makes one call of SQS for the messages, and repeats it for those that were not accepted and may still be. It
// returns the outcome of each.
func (q *Queue) sendBatch(ctx context.Context, batch []*outgoing) []error {
	outcomes := make([]error, len(batch))
	if len(batch) == 0 {
		return outcomes
	}
	pending := map[int]bool{}
	for i := range batch {
		pending[i] = true
	}
	err := q.sendPending(ctx, batch, pending, outcomes)
	for i := range pending {
		outcomes[i] = err
	}
	return outcomes
}

func (q *Queue) sendPending(ctx context.Context, batch []*outgoing, pending map[int]bool, outcomes []error) error {
	url, err := q.url(ctx)
	if err != nil {
		return err
	}
	return q.call(ctx, q.shareOf(ctx), func(ctx context.Context) error {
		out, err := q.short.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: entries(batch, pending)})
		if err != nil {
			return err //nolint:wrapcheck // Send says what it was doing
		}
		for _, e := range out.Successful {
			if i, err := strconv.Atoi(aws.ToString(e.Id)); err == nil {
				delete(pending, i)
			}
		}
		for i, e := range failed(out.Failed) {
			if refused := refusal(e); !refused.passing {
				outcomes[i] = refused
				delete(pending, i)
			} else if pending[i] {
				err = refused
			}
		}
		if err == nil && len(pending) > 0 {
			err = errSilent()
		}
		return err
	})
}

// shareOf gives an attempt half of the time that is left, so that there is some for another one.
func (q *Queue) shareOf(ctx context.Context) func() time.Duration {
	return func() time.Duration {
		end, ok := ctx.Deadline()
		if !ok {
			return callTimeout
		}
		return max(min(end.Sub(q.opts.Clock.Now())/2, callTimeout), leastSend)
	}
}

// entries are the messages that are not sent yet, each by its place in the batch.
func entries(batch []*outgoing, pending map[int]bool) []types.SendMessageBatchRequestEntry {
	var out []types.SendMessageBatchRequestEntry
	for i, m := range batch {
		if pending[i] {
			out = append(out, types.SendMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), MessageBody: &m.body, MessageAttributes: m.attributes, DelaySeconds: m.delay,
			})
		}
	}
	return out
}
