package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
)

// receipt names one delivery of a message.
type receipt struct {
	id, generation int64
}

func (r receipt) String() string { return fmt.Sprintf("%d-%d", r.id, r.generation) }

func parseReceipt(s string) (receipt, error) {
	var r receipt
	if _, err := fmt.Sscanf(s, "%d-%d", &r.id, &r.generation); err != nil || r.String() != s {
		return receipt{}, fmt.Errorf("%w: malformed receipt %q", queue.ErrInvalid, s)
	}
	return r, nil
}

// Delete implements queue.Queue.
func (q *Queue) Delete(ctx context.Context, receipts ...string) error {
	if err := queue.CheckDelete(receipts); err != nil {
		return err
	}
	parsed := make([]receipt, 0, len(receipts))
	for _, s := range receipts {
		r, err := parseReceipt(s)
		if err != nil {
			return err
		}
		parsed = append(parsed, r)
	}
	if len(parsed) == 0 {
		return nil
	}
	err := q.db.Write(ctx, sqlitedb.Relaxed, func(ctx context.Context, tx *sqlitedb.Tx) error {
		for _, r := range parsed {
			if err := remove(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("deleting %d messages: %w", len(receipts), translate(err))
	}
	return nil
}

// remove forgets a message unless it has been delivered again, or is a dead letter.
func remove(ctx context.Context, tx *sqlitedb.Tx, r receipt) error {
	n, err := tx.Exec(ctx, "DELETE FROM deliveries WHERE id = ? AND generation = ? AND visible IS NOT NULL", r.id, r.generation)
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.Exec(ctx, "DELETE FROM messages WHERE id = ?", r.id)
	return err
}

// Extend implements queue.Queue.
func (q *Queue) Extend(ctx context.Context, receiptText string, d time.Duration) error {
	if err := queue.CheckExtend(d); err != nil {
		return err
	}
	r, err := parseReceipt(receiptText)
	if err != nil {
		return err
	}
	now := q.clock.Now()
	var extended int64
	err = q.db.Write(ctx, sqlitedb.Relaxed, func(ctx context.Context, tx *sqlitedb.Tx) error {
		var err error
		extended, err = tx.Exec(ctx, "UPDATE deliveries SET visible = ? WHERE id = ? AND generation = ? AND visible > ?",
			now.Add(d).UnixNano(), r.id, r.generation, now.UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("extending a delivery: %w", translate(err))
	}
	if extended == 0 {
		return fmt.Errorf("extending a delivery: %w", queue.ErrReceipt)
	}
	q.room.Visible(now.Add(d))
	return nil
}
