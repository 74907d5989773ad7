package agent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// ProcessOptions say where a runner is and what its processes may know.
type ProcessOptions struct {
	// Folder is the runner's own, with bin/Runner.Listener in it.
	Folder string
	Home   string
	Path   string
	// Environment is added to the clean one.
	Environment map[string]string
	// Logs is where logs are kept; it is out of the job's reach.
	Logs *os.Root
}

// Processes is the Runner of this operating system.
type Processes struct {
	options    ProcessOptions
	happenings chan Happening
	output     *cappedLog
	mu         sync.Mutex
	process    *os.Process // of the running listener
}

// NewProcesses returns a Runner that starts real processes.
func NewProcesses(o ProcessOptions) (*Processes, error) {
	output, err := newCappedLog(o.Logs, "listener.log")
	if err != nil {
		return nil, err
	}
	const pending = 64 // of lines that say something; a listener says a handful
	return &Processes{options: o, happenings: make(chan Happening, pending), output: output}, nil
}

// Close closes the listener's log.
func (p *Processes) Close() error { return p.output.close() }

// Happenings implements Runner.
func (p *Processes) Happenings() <-chan Happening { return p.happenings }

// Start implements Runner: it removes what an earlier registration left and starts bin/Runner.Listener, whose exit codes
// run.sh would hide.
func (p *Processes) Start(a agentapi.Assignment) error {
	for _, name := range []string{".runner", ".credentials", ".credentials_rsaparams", ".credentials_migrated"} {
		if err := os.RemoveAll(filepath.Join(p.options.Folder, name)); err != nil {
			return fmt.Errorf("removing an earlier registration: %w", err)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe for the listener's output: %w", err)
	}
	started := make(chan error, 1)
	go p.supervise(a, r, w, started)
	if err := <-started; err != nil {
		return fmt.Errorf("starting bin/Runner.Listener: %w", err)
	}
	return nil
}

// supervise starts the listener and stays with it. The kernel ties the child's death signal to the thread that started
// it, so that thread is this goroutine's until the child has ended.
func (p *Processes) supervise(a agentapi.Assignment, r, w *os.File, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() { _ = r.Close() }() // its content has been read
	//nolint:noctx // it ends by signals that the agent decides on, not by a context
	cmd := exec.Command(filepath.Join(p.options.Folder, "bin", "Runner.Listener"), "run")
	cmd.Dir = p.options.Folder
	cmd.Env = p.environment(a)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.mu.Lock()
	err := cmd.Start()
	if err == nil {
		p.process = cmd.Process
	}
	p.mu.Unlock()
	err = errors.Join(err, w.Close())
	started <- err
	if err != nil {
		return
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(r)
	}()
	err = cmd.Wait()
	p.mu.Lock()
	p.process = nil
	p.mu.Unlock()
	// What the job left behind may hold the pipe open for ever; what the listener itself said is in it already.
	const drain = 500 * time.Millisecond
	_ = r.SetReadDeadline(time.Now().Add(drain)) //nolint:forbidigo // a deadline of the operating system; pipes have them
	<-read
	p.happenings <- Happening{Exited: true, Code: exitCode(err, cmd.ProcessState)}
}

func exitCode(err error, s *os.ProcessState) int {
	if s == nil {
		return exitTerminal
	}
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	if err != nil && s.ExitCode() == 0 {
		return exitTerminal
	}
	return s.ExitCode()
}

// environment is what the listener starts with, which its jobs inherit: nothing of the server's.
func (p *Processes) environment(a agentapi.Assignment) []string {
	variables := map[string]string{
		"PATH": p.options.Path, "HOME": p.options.Home, "LANG": "C.UTF-8", "USER": "runner", "LOGNAME": "runner", "SHELL": "/bin/bash",
		"RUNNER_ALLOW_RUNASROOT": "1", // only ever true without isolation, which was asked for
	}
	maps.Copy(variables, p.options.Environment)
	variables["ACTIONS_RUNNER_INPUT_JITCONFIG"] = a.JITConfig
	environment := make([]string, 0, len(variables))
	for name, value := range variables {
		environment = append(environment, name+"="+value)
	}
	slices.Sort(environment)
	return environment
}

func (p *Processes) read(r io.Reader) {
	const longest = 16 << 10 // longer lines come in pieces, which is all the same to what is looked for
	lines := bufio.NewReaderSize(r, longest)
	for {
		line, _, err := lines.ReadLine()
		if err != nil {
			return
		}
		p.output.line(line)
		if saying := listen(string(line)); saying != SaysNothing {
			p.happenings <- Happening{Saying: saying, Detail: strings.TrimSpace(string(line))}
		}
	}
}

// Signal implements Runner.
func (p *Processes) Signal(s Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil {
		return nil
	}
	signal := map[Signal]syscall.Signal{Interrupt: syscall.SIGINT, Terminate: syscall.SIGTERM, Kill: syscall.SIGKILL}[s]
	if err := p.process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %s: %w", signal, err)
	}
	return nil
}

func (p *Processes) listenerID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil {
		return 0
	}
	return p.process.Pid
}
