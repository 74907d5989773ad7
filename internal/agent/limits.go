package agent

import "time"

// Limits are the agent's time bounds. DefaultLimits gives every one; tests shorten them.
type Limits struct {
	// Connect is when a listener that has not connected is stopped (rule 4.5).
	Connect time.Duration
	// Idle is when a listener that got no job is stopped although nobody ordered it: a deregistered one may stay alive for
	// ever (runner issue 4617). The control plane retires surplus after one minute (rule 1.10), so this is a net.
	Idle time.Duration
	// Lost is how long a listener that said its registration is gone may take to exit by itself.
	Lost time.Duration
	// Terminate and Kill follow SIGINT when a listener is to stop and does not.
	Terminate, Kill time.Duration
	// Overtime and OvertimeKill are the same for a job past its maximum runtime, which may clean up first.
	Overtime, OvertimeKill time.Duration
	// Retry is the pause before a listener is started again after exit 2; Update the longest wait after exit 3 or 4; Attempts the most
	// starts with one JIT config.
	Retry, Update time.Duration
	Attempts      int
	// Linger is the longest pause after a job's end, for uploads of the runner (runner issue 4309): it ends as soon as no
	// process is left that could upload. Orphan how long a worker may
	// outlive its listener.
	Linger, Orphan time.Duration
	// Goodbye is how long a finished machine waits for its end.
	Goodbye time.Duration
	// Silence is when an agent that reaches nobody, and runs nothing, ends.
	Silence time.Duration
	// Hello is when an agent that was never welcome ends: the bound of a boot (rule 9).
	Hello time.Duration
}

// DefaultLimits are those of the protocol, and where it gives none, of the official runner's own behaviour.
func DefaultLimits() Limits {
	return Limits{
		Connect:      90 * time.Second,
		Idle:         15 * time.Minute,
		Lost:         20 * time.Second,
		Terminate:    10 * time.Second,
		Kill:         15 * time.Second,
		Overtime:     60 * time.Second,
		OvertimeKill: 90 * time.Second,
		Retry:        5 * time.Second,
		Update:       30 * time.Second,
		Attempts:     3,
		Linger:       4 * time.Second,
		Orphan:       60 * time.Second,
		Goodbye:      60 * time.Second,
		Silence:      10 * time.Minute,
		Hello:        5 * time.Minute,
	}
}
