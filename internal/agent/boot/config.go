// Package boot is the first stage of an agent that runs as a process of the server's own machine: it hides the machine
// from the job, gives up every privilege, and only then becomes the agent. The stage runs in fresh namespaces, which the
// local provider asks the kernel for when it starts the process.
package boot

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Isolation is how a job is kept away from its machine.
type Isolation string

// The kinds. User gives each runner a user id of its own, which only root can; Namespace keeps the server's user id and
// maps it alone into a user namespace; None isolates nothing and is never chosen by itself.
const (
	User      Isolation = "user"
	Namespace Isolation = "user-namespace"
	None      Isolation = "none"
)

// Where a job finds its own things inside its mount namespace. They are below /run, because a private /run can be had on
// every machine, and the paths are short, because some tools put sockets into their workspace.
const (
	RunnerFolder = "/run/runner"
	HomeFolder   = "/run/home"
)

// The descriptors by which secrets travel, since arguments and environment can be read by others.
const (
	ConfigFD = 3 // boot reads its Config here; the agent its Handover
	logsFD   = 4
	socketFD = 5
)

// MaxConfigBytes bounds a Config or Handover: what a pipe holds without a reader.
const MaxConfigBytes = 60 << 10

// Config is what the provider tells the boot stage. It holds a secret.
type Config struct {
	Isolation Isolation `json:"isolation"`
	Instance  string    `json:"instance"`
	ServerURL string    `json:"server_url"`
	Token     string    `json:"token"`
	// Delay is slept before hello: an artificial boot time for demonstrations and tests.
	Delay time.Duration `json:"delay,omitempty"`
	// Folder is the instance's own; Logs is kept after its end and out of the job's reach; RunnerDir is the installed
	// runner that all instances share.
	Folder    string `json:"folder"`
	Logs      string `json:"logs"`
	RunnerDir string `json:"runner_dir"`
	UID       int    `json:"uid"`
	GID       int    `json:"gid"`
	// Hide are files and folders that the job must not see, the server's data directory first of all.
	Hide []string `json:"hide,omitempty"`
	// ControlGroups are the cgroup.procs files that the process enters.
	ControlGroups []string `json:"control_groups,omitempty"`
	// Environment is added to the clean environment of the listener.
	Environment map[string]string `json:"environment,omitempty"`
	// NoOverlay binds the entries of RunnerDir instead.
	NoOverlay bool `json:"no_overlay,omitempty"`
	// Probe ends the stage with status 0 once everything is isolated, without becoming an agent.
	Probe bool `json:"probe,omitempty"`
}

// Handover is what the boot stage tells the agent that it becomes. It holds a secret.
type Handover struct {
	Instance  string        `json:"instance"`
	ServerURL string        `json:"server_url"`
	Token     string        `json:"token"`
	Delay     time.Duration `json:"delay,omitempty"`
	Booted    time.Time     `json:"booted"`
	Isolation Isolation     `json:"isolation"`
	// RunnerFolder is this runner's own folder, made as FolderKind says, since FolderReady.
	RunnerFolder string            `json:"runner_folder"`
	FolderKind   string            `json:"folder_kind"`
	FolderReady  time.Time         `json:"folder_ready"`
	Home         string            `json:"home"`
	Environment  map[string]string `json:"environment,omitempty"`
}

// ReadHandover reads what the boot stage wrote.
func ReadHandover(r io.Reader) (Handover, error) {
	var h Handover
	if err := readJSON(r, &h); err != nil {
		return Handover{}, fmt.Errorf("reading what the boot stage handed over: %w", err)
	}
	return h, nil
}

// errNoConfig is what a boot stage meets whose server ended before it had written down that this process exists.
var errNoConfig = fmt.Errorf("the server ended before it handed over the configuration: %w", io.ErrUnexpectedEOF)

func readJSON(r io.Reader, into any) error {
	b, err := io.ReadAll(io.LimitReader(r, MaxConfigBytes))
	if err != nil {
		return fmt.Errorf("reading descriptor 3 (this command is started by the server, not by hand): %w", err)
	}
	if len(b) == 0 {
		return errNoConfig
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("reading descriptor 3: it holds no configuration (%d bytes)", len(b)) // no text: it may be a secret
	}
	return nil
}
