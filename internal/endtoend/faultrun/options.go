package faultrun

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/emulator/awsfault"
)

// Options describe a run.
type Options struct {
	// Programs is the folder with runs-fleet, runs-fleet-agent and runs-fleet-demo.
	Programs string
	// Folder is where data and logs go; it exists.
	Folder string
	Seed   uint64
	// For is how long jobs come and faults strike. Rest is how long everything may take to come to rest afterwards.
	For, Rest time.Duration
	// Jobs is how many are queued meanwhile, a few more or less.
	Jobs int
	// Rates are those of the faults of AWS.
	Rates awsfault.Rates
	// Blob keeps the machines' logs in S3.
	Blob bool
	// Real is the part of machines that are processes of a host, from 0 to 1.
	Real float64
	// MaxRunners is the limit of the environment.
	MaxRunners int
	// KillEvery is how often a server is killed, AgentEvery an agent, TakeEvery how often a job is taken, CancelEvery a run
	// cancelled.
	KillEvery, AgentEvery, TakeEvery, CancelEvery time.Duration
	// Progress is told how far the run is.
	Progress func(format string, args ...any)
}

// The streams of randomness that one seed yields, so that one kind of fate does not shift another.
const (
	streamCloud = iota + 1
	streamFate
	streamJobs
)

// Defaults are those of the run whose figures are in docs/reliability.md, and of the shorter one among the tests.
func Defaults() Options {
	const (
		rate       = 0.004 // of each of eight kinds: about one call in thirty
		realPart   = 0.05
		maxRunners = 150
		jobs       = 2100
	)
	return Options{
		For: 20 * time.Minute, Rest: 20 * time.Minute, Jobs: jobs, Rates: awsfault.Every(rate), Blob: true, Real: realPart, MaxRunners: maxRunners,
		KillEvery: time.Minute, AgentEvery: 30 * time.Second, TakeEvery: 15 * time.Second, CancelEvery: time.Minute,
		Progress: func(string, ...any) {},
	}
}
