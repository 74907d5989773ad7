package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
)

// Receive implements queue.Queue. The message that has been visible longest comes first.
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	if err := queue.CheckReceive(limit); err != nil {
		return nil, err
	}
	limit = min(limit, queue.MaxBatch)
	var messages []queue.Message
	err := q.room.Wait(ctx, q.clock, wait, func(ctx context.Context) (bool, time.Time, error) {
		var next time.Time
		var err error
		messages, next, err = q.take(ctx, limit)
		return len(messages) > 0, next, err
	})
	if err != nil {
		return nil, fmt.Errorf("receiving messages: %w", translate(err))
	}
	return messages, nil
}

// take delivers what is visible now. If nothing is, next is when something will be.
func (q *Queue) take(ctx context.Context, limit int) (messages []queue.Message, next time.Time, err error) {
	now := q.clock.Now()
	dead := 0
	err = q.db.Write(ctx, sqlitedb.Relaxed, func(ctx context.Context, tx *sqlitedb.Tx) error {
		messages, next, dead = nil, time.Time{}, 0
		for {
			found, err := visible(ctx, tx, now, limit)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				next, err = nextVisible(ctx, tx)
				return err
			}
			buried, err := q.deliver(ctx, tx, found, now, &messages)
			if err != nil {
				return err
			}
			dead += buried
			if len(messages) > 0 {
				return nil
			}
		}
	})
	if err == nil && dead > 0 {
		q.logger.WarnContext(ctx, "messages went to the dead letters", "messages", dead, "receives", q.opts.MaxReceives)
	}
	if len(messages) > 0 {
		q.room.Visible(now.Add(q.opts.Visibility)) // those who sleep did not see what may come back
	}
	return messages, next, err
}

// delivery is a message with the count of its deliveries in the file.
type delivery struct {
	queue.Message
	id, generation int64
}

// deliver appends what may be delivered to messages, and makes dead letters of the others.
func (q *Queue) deliver(ctx context.Context, tx *sqlitedb.Tx, found []delivery, now time.Time, messages *[]queue.Message) (dead int, err error) {
	until := now.Add(q.opts.Visibility).UnixNano()
	for _, d := range found {
		if d.Receives >= q.opts.MaxReceives {
			if _, err := tx.Exec(ctx, "UPDATE deliveries SET visible = NULL WHERE id = ?", d.id); err != nil {
				return 0, err
			}
			dead++
			continue
		}
		_, err := tx.Exec(ctx, "UPDATE deliveries SET visible = ?, receives = receives + 1, generation = generation + 1 WHERE id = ?", until, d.id)
		if err != nil {
			return 0, err
		}
		d.Receives++
		d.Receipt = receipt{id: d.id, generation: d.generation + 1}.String()
		*messages = append(*messages, d.Message)
	}
	if dead > 0 {
		return dead, q.forgetOldDead(ctx, tx, now)
	}
	return 0, nil
}

const selectMessages = "SELECT d.id, d.receives, d.generation, m.sent, m.attributes, m.body" +
	" FROM deliveries d CROSS JOIN messages m ON m.id = d.id"

func visible(ctx context.Context, tx *sqlitedb.Tx, now time.Time, limit int) ([]delivery, error) {
	var found []delivery
	err := tx.Each(ctx, func(scan func(dest ...any) error) error {
		d, err := scanDelivery(scan)
		found = append(found, d)
		return err
	}, selectMessages+" WHERE d.visible <= ? ORDER BY d.visible LIMIT ?", now.UnixNano(), limit)
	return found, err
}

func scanDelivery(scan func(dest ...any) error) (delivery, error) {
	var d delivery
	var sent int64
	var attributes []byte
	if err := scan(&d.id, &d.Receives, &d.generation, &sent, &attributes, &d.Body); err != nil {
		return delivery{}, err
	}
	d.ID = strconv.FormatInt(d.id, 10)
	d.Sent = time.Unix(0, sent).UTC()
	if attributes != nil {
		if err := json.Unmarshal(attributes, &d.Attributes); err != nil {
			return delivery{}, fmt.Errorf("decoding the attributes of message %d: %w", d.id, err)
		}
	}
	return d, nil
}

func nextVisible(ctx context.Context, tx *sqlitedb.Tx) (time.Time, error) {
	var next time.Time
	err := tx.Each(ctx, func(scan func(dest ...any) error) error {
		var nanoseconds int64
		if err := scan(&nanoseconds); err != nil {
			return err
		}
		next = time.Unix(0, nanoseconds)
		return nil
	}, "SELECT visible FROM deliveries WHERE visible IS NOT NULL ORDER BY visible LIMIT 1")
	return next, err
}
