// Package queue is the interface to the control plane's message queue: at least once, in no particular order. Backends
// are in the folders beside this file; queuetest is the suite that each of them passes.
package queue

import (
	"context"
	"errors"
	"time"
)

// MaxBodyBytes is the largest message, attributes included: SQS's former limit of 256 KB, which leaves room everywhere.
const MaxBodyBytes = 256 << 10

// MaxBatch is the most messages of one call (Amazon SQS Developer Guide, "Message quotas").
const MaxBatch = 10

// Outgoing is a message to be sent.
type Outgoing struct {
	Body       []byte
	Attributes map[string]string // trace context and the like: at most 10, in UTF-8, with names that are not empty
	Delay      time.Duration     // at most 15 minutes, as SQS allows; some backends round it up to whole seconds
}

// Message is one delivery of a message. Receives counts deliveries, this one included.
type Message struct {
	ID         string
	Body       []byte
	Attributes map[string]string
	Sent       time.Time
	Receives   int
	Receipt    string // names this delivery; a later delivery of the same message has another
}

// Queue is implemented by each backend.
type Queue interface {
	// Send returns nil only when every message is stored durably; after an error some may be.
	Send(ctx context.Context, messages ...Outgoing) error
	// Receive waits up to wait for at least one message and returns at most limit of them (at most MaxBatch). Each stays
	// invisible for the queue's visibility time, then it is delivered again; one that was received too often goes to the
	// dead letters. A receiver whose context ends takes no message along.
	Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error)
	// Delete forgets deliveries by receipt. A receipt that has run out is no error, and deletes nothing if the message
	// has been delivered again.
	Delete(ctx context.Context, receipts ...string) error
	// Extend keeps a delivery invisible for d from now; zero returns it at once.
	Extend(ctx context.Context, receipt string, d time.Duration) error
	// Ready says whether a message could be stored now.
	Ready(ctx context.Context) error
	// Dead lists dead letters, oldest first, at most limit.
	Dead(ctx context.Context, limit int) ([]Message, error)
	// Redrive returns all dead letters to the queue and says how many.
	Redrive(ctx context.Context) (int, error)
	Close() error
}

// ErrTooLarge is returned by Send for a message over MaxBodyBytes; nothing of the call is stored.
var ErrTooLarge = errors.New("message too large for the queue")

// ErrReceipt is returned by Extend for a delivery that is no longer current.
var ErrReceipt = errors.New("receipt has run out")
