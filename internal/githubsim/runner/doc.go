// Package runner stands in for the official Actions runner where GitHub is simulated. It has that runner's command line,
// environment, files, log lines and exit codes, speaks to the simulated GitHub instead of the real one, and executes the
// job for real, on this machine.
//
// Two processes take part, as in the original. Runner.Listener opens a session with its JIT registration and waits for
// one job; for that job it starts Runner.Worker as its child, hands it the job through one pipe and reads the log and the
// result from another. All talk with GitHub is the listener's: it renews the job every two seconds, which carries the log
// there and the news of a cancellation back.
//
// The worker executes the job with nektos/act on the host. Whatever would fetch and run foreign code or need Docker is
// refused before the first step, and the job then fails.
package runner
