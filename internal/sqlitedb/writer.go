package sqlitedb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Durability says what a write must survive when Write has returned.
type Durability int

const (
	// Durable survives a power cut.
	Durable Durability = iota
	// Relaxed survives the end of the process, however sudden, but the last moments before a power cut may be lost. A
	// group in which all are relaxed saves the fsync.
	Relaxed
)

// maxGroup bounds how long one commit keeps its first caller waiting.
const maxGroup = 256

// ErrClosed is returned by Write after Close.
var ErrClosed = errors.New("database is closed")

// Func is one caller's part of a group. It may run a second time, when the group of the first attempt was rolled back
// because of another's failure, so it sets its results anew each time. An error of its own must come before it has
// written anything.
type Func func(ctx context.Context, tx *Tx) error

type request struct {
	fn         Func
	durability Durability
	taken      atomic.Bool // by the writer, or by a caller that gave up waiting; whoever comes first
	err        error
	done       chan struct{}
}

// writer owns the only connection that writes.
type writer struct {
	conn *sql.Conn
	tx   *Tx
	full bool // whether a commit fsyncs at present

	mu     sync.Mutex
	queue  []*request
	closed bool

	wake    chan struct{}
	stopped chan struct{}
}

func startWriter(ctx context.Context, conn *sql.Conn) *writer {
	w := &writer{
		conn: conn, tx: &Tx{conn: conn, statements: map[string]*sql.Stmt{}}, full: true,
		wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	go w.run(ctx)
	return w
}

// Write runs fn in a transaction that it may share with other callers, and returns when that is committed. The error of fn
// is returned as it is. When ctx ends before the group has begun, nothing is written and its error is returned; after that,
// Write waits for the outcome, so that the caller knows it.
func (db *DB) Write(ctx context.Context, durability Durability, fn Func) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{fn: fn, durability: durability, done: make(chan struct{})}
	if err := db.writer.enqueue(r); err != nil {
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-r.done
		return r.err
	}
}

func (w *writer) enqueue(r *request) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.queue = append(w.queue, r)
	w.signal()
	return nil
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) run(ctx context.Context) {
	defer close(w.stopped)
	for range w.wake {
		for {
			group, closed := w.take()
			if len(group) > 0 {
				w.commit(ctx, group)
				continue
			}
			if closed {
				return
			}
			break
		}
	}
}

// take removes the next group from the queue. A request whose caller has given up is dropped.
func (w *writer) take() (group []*request, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for n < len(w.queue) && len(group) < maxGroup {
		r := w.queue[n]
		w.queue[n] = nil
		n++
		if r.taken.CompareAndSwap(false, true) {
			group = append(group, r)
		}
	}
	w.queue = w.queue[n:]
	return group, w.closed
}

// commit answers every request of the group.
func (w *writer) commit(ctx context.Context, group []*request) {
	err := w.attempt(ctx, group)
	var failure *groupError
	if errors.As(err, &failure) && len(group) > 1 {
		// One of them failed half-way. Alone, each gets the answer that it deserves.
		for _, r := range group {
			w.commit(ctx, []*request{r})
		}
		return
	}
	for _, r := range group {
		if err != nil {
			r.err = err
		}
		close(r.done)
	}
}

// groupError is a failure while a group was being written, which has been rolled back.
type groupError struct{ err error }

func (e *groupError) Error() string { return e.err.Error() }
func (e *groupError) Unwrap() error { return e.err }

// attempt runs a group in one transaction. It sets the err of those that refused; its own error concerns all.
func (w *writer) attempt(ctx context.Context, group []*request) error {
	if err := w.synchronous(ctx, group); err != nil {
		return err
	}
	if err := w.tx.control(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	for _, r := range group {
		w.tx.wrote, w.tx.broken = false, nil
		r.err = r.fn(ctx, w.tx)
		if w.tx.broken != nil || r.err != nil && w.tx.wrote {
			w.rollback(ctx)
			return &groupError{err: cmp.Or(w.tx.broken, r.err)}
		}
	}
	if err := w.tx.control(ctx, "COMMIT"); err != nil {
		w.rollback(ctx)
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// rollback ends the transaction. SQLite has already done so after some failures and then refuses to do it again, so its
// answer means nothing; a transaction that is still open shows in the next BEGIN.
func (w *writer) rollback(ctx context.Context) { _ = w.tx.control(ctx, "ROLLBACK") }

// synchronous chooses whether the next commit fsyncs. A full one later also makes the relaxed ones before it durable,
// since all are in one log.
func (w *writer) synchronous(ctx context.Context, group []*request) error {
	full := false
	for _, r := range group {
		full = full || r.durability == Durable
	}
	if full == w.full {
		return nil
	}
	pragma := "PRAGMA synchronous = NORMAL"
	if full {
		pragma = "PRAGMA synchronous = FULL"
	}
	if err := w.tx.control(ctx, pragma); err != nil {
		return fmt.Errorf("choosing the durability of a commit: %w", err)
	}
	w.full = full
	return nil
}

// close lets the writer finish what is queued.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()
	<-w.stopped
	return errors.Join(w.tx.close(), w.conn.Close())
}
