package queue

import "time"

// Sending is implemented by a queue that shares processor and disk with those who take its messages.
type Sending interface {
	// Sending returns how much time all calls of Send have taken together. How much it grows in a second is how many
	// senders wait at once, on average.
	Sending() time.Duration
}
