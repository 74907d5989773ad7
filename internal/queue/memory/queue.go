// Package memory is a queue that forgets everything when the process ends, for simulations: it has no goroutine, and the
// order of its deliveries comes from the injected randomness, so that nothing can rely on one and a seed repeats it.
package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/wait"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Options are the choices of a queue; a zero field is its default.
type Options struct {
	// Visibility is how long a delivery stays invisible: 60 s.
	Visibility time.Duration
	// MaxReceives is after how many deliveries a message goes to the dead letters: 10.
	MaxReceives int
}

const (
	defaultVisibility  = time.Minute
	defaultMaxReceives = 10
)

// Queue implements queue.Queue. Its lock is only held while it computes.
type Queue struct {
	clock  seam.Clock
	random seam.Random
	opts   Options
	room   wait.Room

	mu     sync.Mutex
	closed bool
	sent   int
	live   []*message // in the order in which they were sent
	dead   []*message // likewise
}

type message struct {
	number     int
	body       []byte
	attributes map[string]string
	sent       time.Time
	visible    time.Time
	receives   int
	deliveries int // receives, but never reset, so that no two deliveries have the same receipt
}

var _ queue.Queue = (*Queue)(nil)

// New returns an empty queue.
func New(clock seam.Clock, random seam.Random, opts Options) *Queue {
	if opts.Visibility == 0 {
		opts.Visibility = defaultVisibility
	}
	if opts.MaxReceives == 0 {
		opts.MaxReceives = defaultMaxReceives
	}
	return &Queue{clock: clock, random: random, opts: opts}
}

// Send implements queue.Queue.
func (q *Queue) Send(ctx context.Context, messages ...queue.Outgoing) error {
	if err := queue.CheckSend(messages); err != nil {
		return err
	}
	if err := q.begin(ctx); err != nil {
		return fmt.Errorf("sending %d messages: %w", len(messages), err)
	}
	now := q.clock.Now()
	q.append(messages, now)
	for _, m := range messages {
		q.room.Visible(now.Add(m.Delay))
	}
	return nil
}

func (q *Queue) append(messages []queue.Outgoing, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range messages {
		q.sent++
		q.live = append(q.live, &message{
			number: q.sent, body: slices.Clone(m.Body), attributes: maps.Clone(m.Attributes), sent: now, visible: now.Add(m.Delay),
		})
	}
}

// begin refuses a call that must have no effect.
func (q *Queue) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return wait.ErrClosed
	}
	return nil
}

// Receive implements queue.Queue.
func (q *Queue) Receive(ctx context.Context, limit int, duration time.Duration) ([]queue.Message, error) {
	if err := queue.CheckReceive(limit); err != nil {
		return nil, err
	}
	limit = min(limit, queue.MaxBatch)
	var messages []queue.Message
	err := q.room.Wait(ctx, q.clock, duration, func(ctx context.Context) (bool, time.Time, error) {
		if err := ctx.Err(); err != nil {
			return false, time.Time{}, err
		}
		var next time.Time
		messages, next = q.take(limit, q.clock.Now())
		return len(messages) > 0, next, nil
	})
	if err != nil {
		return nil, fmt.Errorf("receiving messages: %w", err)
	}
	return messages, nil
}

// take delivers what is visible now, in an order of chance. If nothing is, next is when something will be.
func (q *Queue) take(limit int, now time.Time) (messages []queue.Message, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bury(now)
	var visible []*message
	for _, m := range q.live {
		if !m.visible.After(now) {
			visible = append(visible, m)
		} else if next.IsZero() || m.visible.Before(next) {
			next = m.visible
		}
	}
	for len(visible) > 0 && len(messages) < limit {
		i := int(q.random.Uint64() % uint64(len(visible)))
		m := visible[i]
		visible = slices.Delete(visible, i, i+1)
		m.visible = now.Add(q.opts.Visibility)
		m.receives++
		m.deliveries++
		delivered := m.delivery()
		delivered.Receipt = m.receipt()
		messages = append(messages, delivered)
	}
	return messages, next
}

// bury makes dead letters of what was received too often.
func (q *Queue) bury(now time.Time) {
	q.live = slices.DeleteFunc(q.live, func(m *message) bool {
		if m.receives < q.opts.MaxReceives || m.visible.After(now) {
			return false
		}
		q.dead = append(q.dead, m)
		return true
	})
	slices.SortFunc(q.dead, func(a, b *message) int { return a.number - b.number })
}

func (m *message) delivery() queue.Message {
	return queue.Message{
		ID: strconv.Itoa(m.number), Body: slices.Clone(m.body), Attributes: maps.Clone(m.attributes), Sent: m.sent, Receives: m.receives,
	}
}

func (m *message) receipt() string { return fmt.Sprintf("%d-%d", m.number, m.deliveries) }

// Delete implements queue.Queue.
func (q *Queue) Delete(ctx context.Context, receipts ...string) error {
	if err := queue.CheckDelete(receipts); err != nil {
		return err
	}
	for _, r := range receipts {
		if err := checkReceipt(r); err != nil {
			return err
		}
	}
	if err := q.begin(ctx); err != nil {
		return fmt.Errorf("deleting %d messages: %w", len(receipts), err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.live = slices.DeleteFunc(q.live, func(m *message) bool { return slices.Contains(receipts, m.receipt()) })
	return nil
}

// Extend implements queue.Queue.
func (q *Queue) Extend(ctx context.Context, receipt string, d time.Duration) error {
	if err := queue.CheckExtend(d); err != nil {
		return err
	}
	if err := checkReceipt(receipt); err != nil {
		return err
	}
	if err := q.begin(ctx); err != nil {
		return fmt.Errorf("extending a delivery: %w", err)
	}
	now := q.clock.Now()
	if !q.extend(receipt, now, d) {
		return fmt.Errorf("extending a delivery: %w", queue.ErrReceipt)
	}
	q.room.Visible(now.Add(d))
	return nil
}

func (q *Queue) extend(receipt string, now time.Time, d time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.live {
		if m.receipt() == receipt && m.visible.After(now) {
			m.visible = now.Add(d)
			return true
		}
	}
	return false
}

func checkReceipt(receipt string) error {
	number, delivery, ok := strings.Cut(receipt, "-")
	for _, part := range []string{number, delivery} {
		if _, err := strconv.ParseUint(part, 10, 63); err != nil || !ok {
			return fmt.Errorf("%w: malformed receipt %q", queue.ErrInvalid, receipt)
		}
	}
	return nil
}

// Ready implements queue.Queue.
func (q *Queue) Ready(ctx context.Context) error {
	if err := q.begin(ctx); err != nil {
		return fmt.Errorf("checking the queue: %w", err)
	}
	return nil
}

// Dead implements queue.Queue.
func (q *Queue) Dead(ctx context.Context, limit int) ([]queue.Message, error) {
	if err := queue.CheckReceive(limit); err != nil {
		return nil, err
	}
	if err := q.begin(ctx); err != nil {
		return nil, fmt.Errorf("listing dead letters: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var messages []queue.Message
	for _, m := range q.dead[:min(limit, len(q.dead))] {
		messages = append(messages, m.delivery())
	}
	return messages, nil
}

// Redrive implements queue.Queue.
func (q *Queue) Redrive(ctx context.Context) (int, error) {
	if err := q.begin(ctx); err != nil {
		return 0, fmt.Errorf("returning dead letters to the queue: %w", err)
	}
	now := q.clock.Now()
	n := q.revive(now)
	q.room.Visible(now)
	return n, nil
}

func (q *Queue) revive(now time.Time) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.dead)
	for _, m := range q.dead {
		m.receives, m.visible = 0, now
	}
	q.live = append(q.live, q.dead...)
	q.dead = nil
	return n
}

// Close implements queue.Queue. Those who wait in Receive get an error.
func (q *Queue) Close() error {
	q.room.Close()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	return nil
}
