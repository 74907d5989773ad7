package world

import "time"

// The slow clocks of GitHub. All of them are divided by the speed-up.
const (
	// AcknowledgeWithin is the time a runner has to acquire the job that it was sent (GitHub's documentation: 60 s).
	AcknowledgeWithin = 60 * time.Second
	// QueueLimit is how long a job stays queued before GitHub cancels it (GitHub's documentation: 24 h).
	QueueLimit = 24 * time.Hour
	// EphemeralOfflineLimit removes an ephemeral registration that is not connected (GitHub's documentation: 1 day).
	EphemeralOfflineLimit = 24 * time.Hour
	// PersistentOfflineLimit removes any other registration that is not connected (GitHub's documentation: 14 days).
	PersistentOfflineLimit = 14 * 24 * time.Hour
	// DefaultJITLifetime is how long a JIT config may wait for its first connection (reports speak of about an hour).
	DefaultJITLifetime = time.Hour
	// LostAfter is how long a job goes on without a sign of life of its runner before it fails (reports: 10 to 15 min).
	LostAfter = 10 * time.Minute
	// CancelGrace is how long a runner may take to end a cancelled job (GitHub's documentation: 5 min).
	CancelGrace = 5 * time.Minute
	// IdleRemovalMin and IdleRemovalMax bound the removal of an idle registration, when that fault is on.
	IdleRemovalMin = 2 * time.Minute
	IdleRemovalMax = 6 * time.Minute
)

// Clocks that follow the runner's own pace, which no speed-up changes.
const (
	// OfflineAfter is how long a session without any call counts as connected.
	OfflineAfter = 30 * time.Second
	// lostFloor keeps a sped-up LostAfter above the 2 s at which a live runner renews.
	lostFloor = 15 * time.Second
	// cancelFloor keeps a sped-up CancelGrace above the time that a runner needs to stop its job's processes.
	cancelFloor = 15 * time.Second
	// acknowledgeFloor keeps a sped-up AcknowledgeWithin above one round trip of a busy machine.
	acknowledgeFloor = 2 * time.Second
)

// MaxMissed is how many assignments may go unacknowledged before the job is cancelled ("after multiple attempts").
const MaxMissed = 5

func (w *World) slow(d time.Duration) time.Duration {
	if w.speedup <= 1 {
		return d
	}
	return time.Duration(float64(d) / w.speedup)
}

func (w *World) slowAtLeast(d, floor time.Duration) time.Duration { return max(w.slow(d), floor) }
