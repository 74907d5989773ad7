package world

import (
	"fmt"
	"time"
)

// Duration is a time.Duration that JSON shows as "2m0s".
type Duration time.Duration

// MarshalText writes the duration as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("reading a duration such as 90s or 2m: %w", err)
	}
	*d = Duration(parsed)
	return nil
}

// Faults are the ways in which GitHub misbehaves. Rates are probabilities from 0 to 1 for each occasion; the zero value
// is a GitHub without fault.
type Faults struct {
	// Webhooks.
	WebhookLost           float64  `json:"webhook_lost,omitempty"`            // attempted, but it never arrives: a failed delivery
	WebhookNeverAttempted float64  `json:"webhook_never_attempted,omitempty"` // no delivery exists at all
	WebhookDelayed        float64  `json:"webhook_delayed,omitempty"`         // delivered up to WebhookDelay later
	WebhookDelay          Duration `json:"webhook_delay,omitempty"`           // 30 s when zero
	WebhookRepeated       float64  `json:"webhook_repeated,omitempty"`        // delivered twice with one GUID
	WebhookReordered      float64  `json:"webhook_reordered,omitempty"`       // overtaken by the next of its run
	CompletedNeverSent    float64  `json:"completed_never_sent,omitempty"`    // no workflow_job completed for a job

	// Registrations.
	JITLifetime        Duration `json:"jit_lifetime,omitempty"`         // of an unused JIT config; one hour when zero
	IdleRemoval        float64  `json:"idle_removal,omitempty"`         // an idle registration vanishes after 2 to 6 minutes
	DeleteBusyAnswered float64  `json:"delete_busy_answered,omitempty"` // DELETE answers 204 though the runner is busy
	DeleteIdleRefused  float64  `json:"delete_idle_refused,omitempty"`  // DELETE answers 422 though the runner is idle
	BusyLag            Duration `json:"busy_lag,omitempty"`             // `busy` stays false so long after assignment

	RunnerDeprecated float64 `json:"runner_deprecated,omitempty"` // a session is refused: the runner's version is too old

	// Jobs.
	AssignmentLost      float64 `json:"assignment_lost,omitempty"`       // the message never reaches the runner
	InProgressEarly     float64 `json:"in_progress_early,omitempty"`     // in_progress is sent at assignment, before acquire
	RunCompletesEarly   float64 `json:"run_completes_early,omitempty"`   // the run completes while this job stays queued
	MissedLimitAttempts int     `json:"missed_limit_attempts,omitempty"` // MaxMissed when zero

	// REST. The maps are keyed by the name of an endpoint ("generate-jitconfig"); the key "*" stands for all others.
	ServerError         map[string]float64 `json:"server_error,omitempty"`          // 5xx, nothing happened
	ErrorAfterSuccess   map[string]float64 `json:"error_after_success,omitempty"`   // 502, but it happened
	TimeoutAfterSuccess map[string]float64 `json:"timeout_after_success,omitempty"` // no answer, but it happened
	SecondaryLimit      map[string]float64 `json:"secondary_limit,omitempty"`       // 403 of the secondary limit
	SecondaryRetryAfter Duration           `json:"secondary_retry_after,omitempty"` // its retry-after; absent when zero
}

// Rate returns the rate for an endpoint, or that of "*".
func Rate(rates map[string]float64, endpoint string) float64 {
	if rate, ok := rates[endpoint]; ok {
		return rate
	}
	return rates["*"]
}

// Chance draws once. A rate of 0 draws nothing, so that a fault that is off does not shift the random sequence.
func (w *World) Chance(rate float64) bool {
	if rate <= 0 {
		return false
	}
	return w.fraction() < rate
}

func (w *World) fraction() float64 {
	const bits = 53 // the precision of a float64
	return float64(w.random.Uint64()>>(64-bits)) / (1 << bits)
}

// Between draws a duration from low up to high.
func (w *World) Between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(w.fraction()*float64(high-low))
}
