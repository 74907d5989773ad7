// Package controller is the one loop of runs-fleet: it counts what GitHub holds queued, counts what is on its way, and
// closes the difference. The rules that its comments name are those of docs/protocol.md.
package controller

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Event is the body of a queue message: a delivery that has been checked and stored, and not yet applied.
type Event struct {
	// Job is what a workflow_job delivery said of one job.
	Job *fleet.Sighting `json:"job,omitempty"`
	// Received is when the delivery came in.
	Received time.Time `json:"received"`
}

// Encode returns the event as a queue message's body.
func (e Event) Encode() ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding event: %w", err)
	}
	return b, nil
}

// DecodeEvent reads a queue message's body.
func DecodeEvent(body []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("decoding event: %w", err)
	}
	return e, nil
}
