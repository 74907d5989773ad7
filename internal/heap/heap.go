// Package heap says how a server uses memory.
package heap

import "runtime/debug"

// What a server's live data needs is little: about 1 MB with 100,000 open jobs, since histories are on disk. Collecting
// whenever the heap has doubled, as programs do by default, would run the collector during every burst, on the processors
// that are to store deliveries. The server lets its heap grow to five times of what is alive instead, and collects more
// often again once it comes near the limit.
const (
	percent = 400
	limit   = 256 << 20
)

// Configure sets the garbage collector of this process, unless the environment says how (GOGC and GOMEMLIMIT, as for every
// Go program).
func Configure(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
