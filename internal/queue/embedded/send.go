package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
)

// stored is a message as the file has it.
type stored struct {
	id         int64
	visible    int64
	attributes []byte // JSON; nil without any
	body       []byte
}

// Send implements queue.Queue. It shares its fsync with concurrent callers, and stores all messages of a call or none.
func (q *Queue) Send(ctx context.Context, messages ...queue.Outgoing) error {
	if err := queue.CheckSend(messages); err != nil {
		return err
	}
	if len(messages) == 0 {
		return nil
	}
	now := q.clock.Now()
	batch := make([]stored, 0, len(messages))
	for _, m := range messages {
		s, err := q.encode(m, now)
		if err != nil {
			return fmt.Errorf("encoding a message: %w", err)
		}
		batch = append(batch, s)
	}
	err := q.db.Write(ctx, sqlitedb.Durable, func(ctx context.Context, tx *sqlitedb.Tx) error {
		return insert(ctx, tx, batch, now.UnixNano())
	})
	q.spent.Add(int64(q.clock.Now().Sub(now)))
	if err != nil {
		return fmt.Errorf("sending %d messages: %w", len(messages), translate(err))
	}
	for _, m := range messages {
		if m.Delay > 0 {
			q.room.Visible(now.Add(m.Delay))
		} else {
			q.room.Arrived()
		}
	}
	return nil
}

// Sending implements queue.Sending.
func (q *Queue) Sending() time.Duration { return time.Duration(q.spent.Load()) }

func (q *Queue) encode(m queue.Outgoing, now time.Time) (stored, error) {
	s := stored{id: q.nextID(now), visible: now.Add(m.Delay).UnixNano(), body: m.Body}
	if len(m.Attributes) == 0 {
		return s, nil
	}
	var err error
	s.attributes, err = json.Marshal(m.Attributes)
	return s, err //nolint:wrapcheck // Send says what it was doing
}

func insert(ctx context.Context, tx *sqlitedb.Tx, batch []stored, sent int64) error {
	for _, s := range batch {
		_, err := tx.Exec(ctx, "INSERT INTO messages (id, sent, attributes, body) VALUES (?, ?, ?, ?)", s.id, sent, s.attributes, s.body)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO deliveries (id, visible, receives, generation) VALUES (?, ?, 0, 0)", s.id, s.visible)
		if err != nil {
			return err
		}
	}
	return nil
}
