package queue

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// The limits are SQS's (Amazon SQS Developer Guide, "Message quotas"), and every backend enforces them.
const (
	MaxDelay      = 15 * time.Minute
	MaxExtension  = 12 * time.Hour
	MaxAttributes = 10
)

// ErrInvalid wraps a call that no queue takes: too many messages, an empty one, a delay over the limit.
var ErrInvalid = errors.New("invalid request to the queue")

// ErrFull wraps the refusal of a message for want of space, by Send and by Ready.
var ErrFull = errors.New("queue is full")

// Bytes is what a message counts against MaxBodyBytes.
func (m Outgoing) Bytes() int {
	n := len(m.Body)
	for name, value := range m.Attributes {
		n += len(name) + len(value)
	}
	return n
}

// CheckSend refuses what no queue takes, with ErrTooLarge or ErrInvalid.
func CheckSend(messages []Outgoing) error {
	if len(messages) > MaxBatch {
		return fmt.Errorf("%w: %d messages in one call, over the limit of %d", ErrInvalid, len(messages), MaxBatch)
	}
	for i, m := range messages {
		switch n := m.Bytes(); {
		case n > MaxBodyBytes:
			return fmt.Errorf("message %d has %d bytes, over the limit of %d: %w", i, n, MaxBodyBytes, ErrTooLarge)
		case len(m.Body) == 0:
			return fmt.Errorf("%w: message %d is empty", ErrInvalid, i)
		case len(m.Attributes) > MaxAttributes:
			return fmt.Errorf("%w: message %d has %d attributes, over the limit of %d", ErrInvalid, i, len(m.Attributes), MaxAttributes)
		case m.Delay < 0 || m.Delay > MaxDelay:
			return fmt.Errorf("%w: message %d has a delay of %s, outside 0 to %s", ErrInvalid, i, m.Delay, MaxDelay)
		}
		for name, value := range m.Attributes {
			if name == "" || !utf8.ValidString(name) || !utf8.ValidString(value) {
				return fmt.Errorf("%w: message %d has the attribute %q with the value %q; a name is not empty, and both are UTF-8", ErrInvalid, i, name, value)
			}
		}
	}
	return nil
}

// CheckReceive refuses a limit that is no number of messages; a limit over MaxBatch is lowered to it by the backend.
func CheckReceive(limit int) error {
	if limit < 1 {
		return fmt.Errorf("%w: receiving at most %d messages", ErrInvalid, limit)
	}
	return nil
}

// CheckDelete refuses more receipts than fit in one call.
func CheckDelete(receipts []string) error {
	if len(receipts) > MaxBatch {
		return fmt.Errorf("%w: %d receipts in one call, over the limit of %d", ErrInvalid, len(receipts), MaxBatch)
	}
	return nil
}

// CheckExtend refuses a time that no queue keeps a message invisible for.
func CheckExtend(d time.Duration) error {
	if d < 0 || d > MaxExtension {
		return fmt.Errorf("%w: extending a delivery by %s, outside 0 to %s", ErrInvalid, d, MaxExtension)
	}
	return nil
}
