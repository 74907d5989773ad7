package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
)

// Dead implements queue.Queue.
func (q *Queue) Dead(ctx context.Context, limit int) ([]queue.Message, error) {
	messages, err := q.dead(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("listing dead letters: %w", err)
	}
	return messages, nil
}

func (q *Queue) dead(ctx context.Context, limit int) ([]queue.Message, error) {
	if err := queue.CheckReceive(limit); err != nil {
		return nil, err
	}
	rows, err := q.db.Readers().QueryContext(ctx, selectMessages+" WHERE d.visible IS NULL ORDER BY d.id LIMIT ?", limit)
	if err != nil {
		return nil, err //nolint:wrapcheck // Dead says what it was doing
	}
	var messages []queue.Message
	for rows.Next() {
		d, err := scanDelivery(rows.Scan)
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		messages = append(messages, d.Message)
	}
	return messages, errors.Join(rows.Err(), rows.Close())
}

// Redrive implements queue.Queue.
func (q *Queue) Redrive(ctx context.Context) (int, error) {
	now := q.clock.Now()
	var returned int64
	err := q.db.Write(ctx, sqlitedb.Durable, func(ctx context.Context, tx *sqlitedb.Tx) error {
		var err error
		returned, err = tx.Exec(ctx, "UPDATE deliveries SET visible = ?, receives = 0 WHERE visible IS NULL", now.UnixNano())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("returning dead letters to the queue: %w", translate(err))
	}
	q.room.Visible(now)
	return int(returned), nil
}

// forgetOldDead bounds the dead letters. Ids are times, so that the oldest come first.
func (q *Queue) forgetOldDead(ctx context.Context, tx *sqlitedb.Tx, now time.Time) error {
	before := now.Add(-q.opts.DeadRetention).UnixNano()
	for _, statement := range []string{
		"DELETE FROM messages WHERE id IN (SELECT id FROM deliveries WHERE visible IS NULL AND id < ?)",
		"DELETE FROM deliveries WHERE visible IS NULL AND id < ?",
	} {
		if _, err := tx.Exec(ctx, statement, before); err != nil {
			return err
		}
	}
	return nil
}
