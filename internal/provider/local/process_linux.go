package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
)

// handle holds a process by descriptor, so that no signal ever reaches a successor of its number.
type handle struct {
	file *os.File // a pidfd; readable once the process has ended
	pid  int
	cmd  *exec.Cmd // nil for an adopted process, which is not ours to reap
}

func openHandle(pid int, cmd *exec.Cmd) (*handle, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("opening process %d: %w", pid, err)
	}
	return &handle{file: os.NewFile(uintptr(fd), "pidfd"), pid: pid, cmd: cmd}, nil
}

// wait returns nil once the process has ended, or an error once the handle is closed.
func (h *handle) wait() error {
	conn, err := h.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("waiting for process %d: %w", h.pid, err)
	}
	err = conn.Read(func(fd uintptr) bool {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(polled, 0)
		return err == nil && n > 0
	})
	if err != nil {
		return fmt.Errorf("waiting for process %d: %w", h.pid, err)
	}
	return nil
}

// reap collects an ended child and describes how it ended.
func (h *handle) reap() string {
	if h.cmd == nil {
		return ""
	}
	if err := h.cmd.Wait(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

func (h *handle) signal(s unix.Signal) error {
	conn, err := h.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("signalling process %d: %w", h.pid, err)
	}
	var sent error
	err = conn.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), s, nil, 0) })
	if err = errors.Join(err, sent); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signalling process %d: %w", h.pid, err)
	}
	return nil
}

func (h *handle) close() error {
	if err := h.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("closing process %d: %w", h.pid, err)
	}
	return nil
}

// started is a process that waits for its configuration.
type started struct {
	handle  *handle
	process process
	config  []byte
	pipe    *os.File
}

// startProcess starts an agent's boot stage, which waits until tell.
func (p *Provider) startProcess(c boot.Config, log string) (_ *started, err error) {
	config, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("writing the machine's configuration: %w", err)
	}
	if len(config) > boot.MaxConfigBytes {
		return nil, fmt.Errorf("the machine's configuration of %d bytes is too long: shorten the environment for runners", len(config))
	}
	output, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the boot log: %w", err)
	}
	defer func() { err = errors.Join(err, output.Close()) }()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	//nolint:noctx // it outlives this server
	cmd := exec.Command(p.options.AgentPath, "boot", "--instance", c.Instance)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + boot.Path, "LANG=C.UTF-8"}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{r}
	cmd.SysProcAttr = attributes(c.Isolation)
	err = cmd.Start()
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the agent: %w", err), w.Close())
	}
	s := &started{config: config, pipe: w}
	if s.handle, err = openHandle(cmd.Process.Pid, cmd); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait(), w.Close())
	}
	ticks, ok := startTicks(cmd.Process.Pid)
	if !ok {
		return nil, errors.Join(errors.New("the agent ended at once"), s.abandon())
	}
	s.process = process{PID: cmd.Process.Pid, Start: ticks, Boot: p.bootID}
	return s, nil
}

// tell hands the configuration over.
func (s *started) tell() error {
	_, err := s.pipe.Write(s.config)
	if err = errors.Join(err, s.pipe.Close()); err != nil {
		return fmt.Errorf("handing the configuration over: %w", err)
	}
	return nil
}

// abandon ends a process that is not to become an agent.
func (s *started) abandon() error {
	_ = s.pipe.Close() // closed already when tell has failed
	err := s.handle.signal(unix.SIGKILL)
	_ = s.handle.reap() // killed, which is what it says
	return errors.Join(err, s.handle.close())
}

// attributes asks for the namespaces of an isolation. The capabilities are those of the new user namespace alone: to
// mount, to let an overlay use its work folder, which has no permissions, and to give every capability up.
func attributes(i boot.Isolation) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setsid: true}
	if i == noIsolation {
		return a
	}
	a.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	if i == namespaceIsolation {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_DAC_OVERRIDE, unix.CAP_SETPCAP}
	}
	return a
}

// startTicks reads when a process started; false if there is none, or only its remains.
func startTicks(pid int) (uint64, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The fields after the name, which may hold anything; see proc_pid_stat(5).
	const stateField, startField = 0, 19
	rest, found := afterLast(string(b), ")")
	fields := strings.Fields(rest)
	if !found || len(fields) <= startField || fields[stateField] == "Z" || fields[stateField] == "X" {
		return 0, false
	}
	ticks, err := strconv.ParseUint(fields[startField], 10, 64)
	return ticks, err == nil
}

func afterLast(s, sep string) (after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[i+len(sep):], true
	}
	return "", false
}

func readBootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("reading the machine's boot id: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
