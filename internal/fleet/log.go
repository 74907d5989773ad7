package fleet

// Log is one of the logs of a machine that are kept beyond its end.
type Log string

// The logs.
const (
	// LogConsole is what the machine printed while it booted, at most 64 KiB from its end.
	LogConsole Log = "console"
	// LogRunner is the end of its runner's own log, as its agent saw it, at most 16 KiB.
	LogRunner Log = "runner"
)
