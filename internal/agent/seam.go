package agent

import "github.com/runs-fleet/runs-fleet/internal/agentapi"

// Signal is what can be sent to the listener.
type Signal int

// The signals, from the gentlest: Interrupt lets the runner cancel its job and take its session back.
const (
	Interrupt Signal = iota
	Terminate
	Kill
)

// Saying is what a listener says of itself in its output.
type Saying int

// The sayings.
const (
	SaysNothing   Saying = iota
	SaysListening        // its session is open, it waits for a job
	SaysRunning          // it has a job
	SaysCompleted        // its job is over
	SaysLost             // its registration is gone
)

// Observation is what can be seen of the processes and files of a runner.
type Observation struct {
	// WorkerRunning is true while a worker process exists, WorkerEver once one has left a trace.
	WorkerRunning, WorkerEver bool
	// Alone is true when nothing but the agent is left in its namespace: nothing can be uploading any more. An agent that
	// shares the host's processes never knows.
	Alone bool
	// Updated is true once the runner has finished updating itself.
	Updated bool
}

// Happening is something that a listener did: it said something, or it exited.
type Happening struct {
	Saying Saying
	Detail string
	Exited bool
	Code   int // exit status, or 128 plus the number of the signal that killed it
}

// Runner is the process seam: the listener and what belongs to it.
type Runner interface {
	// Start starts the listener. There is at most one at a time.
	Start(a agentapi.Assignment) error
	// Signal reaches the running listener; none is no error.
	Signal(s Signal) error
	// Happenings delivers what the listener does, its exit last, once all it said has been delivered.
	Happenings() <-chan Happening
	// Observe looks at processes and files, and reaps what has ended without a parent.
	Observe() (Observation, error)
	// KeepLogs copies the runner's logs out of the job's reach and returns the end of the newest.
	KeepLogs() (string, error)
}
