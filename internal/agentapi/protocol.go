// Package agentapi is the protocol between the agent on a machine and the control plane, both sides of it: JSON over
// HTTP, one hello and then one long poll that renews the machine's lease, reports what happens and brings orders.
package agentapi

import (
	"errors"
	"time"
)

// The protocol's figures (rules 3.2 and 9).
const (
	PollWait = 10 * time.Second // the longest that the server holds a poll; the rules allow 20 s
	// PollTimeout is when the agent gives a poll up: the hold, a registration at GitHub (20 s at most), and some. It must leave
	// time for another try before the lease is so old that an idle listener stops (45 s): an answer may get lost.
	PollTimeout  = 32 * time.Second
	MaxBodyBytes = 256 << 10 // the largest body, either way
)

// Paths of the two calls.
const (
	HelloPath = "/agent/v1/hello"
	PollPath  = "/agent/v1/poll"
)

// Hello proves the machine and binds the key with which the agent authenticates from then on.
type Hello struct {
	// Token is the single-use secret that a local agent inherits; Document and Signature are the signed identity
	// document of a cloud instance. One of the two is given.
	Token     string `json:"token,omitempty"`
	Document  string `json:"document,omitempty"`
	Signature string `json:"signature,omitempty"`
	// KeyHash is the hexadecimal SHA-256 of the key, which never leaves the agent except as bearer of polls.
	KeyHash string    `json:"key_hash"`
	Version string    `json:"version"`
	OS      string    `json:"os"`
	Arch    string    `json:"arch"`
	CPUs    int       `json:"cpus"`
	MemMiB  int       `json:"mem_mib"`
	Booted  time.Time `json:"booted"`
}

// Welcome answers a hello.
type Welcome struct {
	Machine      string `json:"machine"`
	LeaseSeconds int    `json:"lease_seconds"`
	// RenewSeconds is how often the agent must at least begin a poll.
	RenewSeconds int `json:"renew_seconds"`
}

// ListenerState is the life of one runner process.
type ListenerState string

// The states of the listener. Stopped means that its process has ended and been reaped.
const (
	ListenerNone      ListenerState = "none"
	ListenerStarting  ListenerState = "starting"
	ListenerConnected ListenerState = "connected"
	ListenerStopped   ListenerState = "stopped"
)

// Report is the body of a poll: the whole truth about the machine, each time. Nothing in it is a difference to an earlier
// report, so a lost or repeated poll changes nothing.
type Report struct {
	Sequence int64 `json:"sequence"` // raised with each poll of this agent
	// Runner is the name of the newest registration that the agent received, empty before the first.
	Runner   string        `json:"runner,omitempty"`
	Listener ListenerState `json:"listener"`
	// WorkerStarted is true from the moment a worker process of Runner was seen, for ever; WorkerRunning while it runs.
	WorkerStarted bool `json:"worker_started,omitempty"`
	WorkerRunning bool `json:"worker_running,omitempty"`
	// ExitCode is the listener's, once it is stopped.
	ExitCode *int `json:"exit_code,omitempty"`
	// Done is the goodbye: everything has ended, logs are kept, the machine may go.
	Done bool `json:"done,omitempty"`
	// Failure is why the agent cannot serve (no runner to be had, isolation refused); the machine is then failed.
	Failure string  `json:"failure,omitempty"`
	Phases  []Phase `json:"phases,omitempty"`
	// Diagnostics is the end of the runner's own log, at most 16 KiB.
	Diagnostics string `json:"diagnostics,omitempty"`
}

// Phase is a moment worth a row in a job's history.
type Phase struct {
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	Detail string    `json:"detail,omitempty"`
}

// Command is what the control plane wants of the agent.
type Command string

// The commands. Stop ends the listener, unless a worker runs, and waits for another assignment; drain lets a job finish
// and takes none; power off ends the machine.
const (
	CommandNone     Command = ""
	CommandAssign   Command = "assign"
	CommandStop     Command = "stop"
	CommandDrain    Command = "drain"
	CommandPowerOff Command = "power-off"
)

// Orders answers a poll. An order that was carried out is repeated until a report shows it: agents treat it as done.
type Orders struct {
	Command    Command     `json:"command,omitempty"`
	Assignment *Assignment `json:"assignment,omitempty"`
}

// Assignment registers the machine for a demand. It holds a secret.
type Assignment struct {
	Runner     string        `json:"runner"`
	JITConfig  string        `json:"jit_config"`
	MaxRuntime time.Duration `json:"max_runtime"`
	// ServerURL is GitHub's web address, for runners that need to be told.
	ServerURL string `json:"server_url,omitempty"`
}

// Problem is the body of every answer that is not 200: RFC 9457.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Errors of both sides. Refused is final: the agent must end its machine. Everything else is to be tried again.
var (
	ErrRefused = errors.New("refused by the control plane")
	ErrInvalid = errors.New("invalid message")
)
