// Package embedded is the queue in one SQLite file: the backend of a control plane on one machine. What Send has answered
// survives a power cut. Deliveries and deletions survive the end of the process; a power cut may undo the last of them,
// which leads to another delivery, as is always possible.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/wait"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/sqlitedb"
)

// Options are the choices of a queue; a zero field is its default.
type Options struct {
	// Visibility is how long a delivery stays invisible: 60 s.
	Visibility time.Duration
	// MaxReceives is after how many deliveries a message goes to the dead letters: 10.
	MaxReceives int
	// DeadRetention is how long dead letters are kept, from when they were sent: 14 days, the longest that SQS does.
	DeadRetention time.Duration
	// MaxBytes is the size over which the file does not grow; by default the disk is the limit.
	MaxBytes int64
	// MinFree is the free disk space in bytes without which the queue is not ready: 64 MB, what its log may take.
	MinFree uint64
}

const (
	defaultVisibility    = time.Minute
	defaultMaxReceives   = 10
	defaultDeadRetention = 14 * 24 * time.Hour
	defaultMinFree       = 64 << 20
)

func (o Options) withDefaults() Options {
	if o.Visibility == 0 {
		o.Visibility = defaultVisibility
	}
	if o.MaxReceives == 0 {
		o.MaxReceives = defaultMaxReceives
	}
	if o.DeadRetention == 0 {
		o.DeadRetention = defaultDeadRetention
	}
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	return o
}

// Queue implements queue.Queue.
type Queue struct {
	path   string
	clock  seam.Clock
	opts   Options
	logger *slog.Logger
	db     *sqlitedb.DB
	room   wait.Room
	lastID atomic.Int64
	spent  atomic.Int64 // by Send, in nanoseconds
}

var (
	_ queue.Queue   = (*Queue)(nil)
	_ queue.Sending = (*Queue)(nil)
)

// Open opens the queue at path or makes it; its folder must exist, and one process may use a queue at a time. Deliveries
// that a former process had taken are visible again at once, since nobody can hold their receipts any more.
func Open(ctx context.Context, path string, clock seam.Clock, opts Options, logger *slog.Logger) (*Queue, error) {
	db, err := sqlitedb.Open(ctx, sqlitedb.Options{
		Path: path, ApplicationID: applicationID, Migrations: migrations(), Readers: 1, MaxBytes: opts.MaxBytes,
	}, logger)
	if err != nil {
		return nil, fmt.Errorf("opening the queue: %w", err)
	}
	q := &Queue{path: path, clock: clock, opts: opts.withDefaults(), logger: logger, db: db}
	if err := q.recover(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the queue: %w", err), db.Close())
	}
	return q, nil
}

func (q *Queue) recover(ctx context.Context) error {
	now := q.clock.Now().UnixNano()
	var last, returned int64
	err := q.db.Write(ctx, sqlitedb.Relaxed, func(ctx context.Context, tx *sqlitedb.Tx) error {
		err := tx.Each(ctx, func(scan func(dest ...any) error) error { return scan(&last) }, "SELECT coalesce(max(id), 0) FROM messages")
		if err != nil {
			return err
		}
		returned, err = tx.Exec(ctx, "UPDATE deliveries SET visible = ? WHERE visible > ? AND receives > 0", now, now)
		return err
	})
	if err != nil {
		return err
	}
	q.lastID.Store(last)
	if returned > 0 {
		q.logger.InfoContext(ctx, "deliveries of a former process returned to the queue", "path", q.path, "messages", returned)
	}
	return nil
}

// nextID returns an id above all others: the time in nanoseconds, or the one after the last when that is later.
func (q *Queue) nextID(now time.Time) int64 {
	for {
		last := q.lastID.Load()
		if id := max(last+1, now.UnixNano()); q.lastID.CompareAndSwap(last, id) {
			return id
		}
	}
}

// Ready implements queue.Queue: it stores the largest message and takes it back, with an fsync, so that a full, read-only
// or broken disk shows.
func (q *Queue) Ready(ctx context.Context) error {
	free, err := freeBytes(filepath.Dir(q.path))
	if err != nil {
		return fmt.Errorf("checking the queue: %w", err)
	}
	if free < q.opts.MinFree {
		return fmt.Errorf("checking the queue: %d bytes of disk space are free, fewer than the %d required: %w", free, q.opts.MinFree, queue.ErrFull)
	}
	now := q.clock.Now().UnixNano()
	err = q.db.Write(ctx, sqlitedb.Durable, func(ctx context.Context, tx *sqlitedb.Tx) error {
		// Ids are positive, so that -1 is nobody's message.
		if _, err := tx.Exec(ctx, "INSERT INTO messages (id, sent, body) VALUES (-1, ?, zeroblob(?))", now, queue.MaxBodyBytes); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM messages WHERE id = -1")
		return err
	})
	if err != nil {
		return fmt.Errorf("checking the queue: %w", translate(err))
	}
	return nil
}

// Close implements queue.Queue. Those who wait in Receive get an error.
func (q *Queue) Close() error {
	q.room.Close()
	if err := q.db.Close(); err != nil {
		return fmt.Errorf("closing the queue: %w", err)
	}
	return nil
}

// translate gives the errors of the file the names that callers of a queue know.
func translate(err error) error {
	if errors.Is(err, sqlitedb.ErrFull) {
		return fmt.Errorf("%w: %w", queue.ErrFull, err)
	}
	return err
}
