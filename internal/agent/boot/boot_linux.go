package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Run reads the Config, isolates the process and replaces it with the agent. It returns only on an error, or after a
// probe.
func Run() error {
	booted := time.Now().UTC() //nolint:forbidigo // no clock is injected before there is an agent
	var c Config
	inherited := os.NewFile(ConfigFD, "configuration")
	err := errors.Join(readJSON(inherited, &c), inherited.Close())
	if err != nil {
		return err
	}
	for _, group := range c.ControlGroups {
		// "0" is the writing process itself, whatever its number outside of this namespace.
		if err := os.WriteFile(group, []byte("0"), 0o600); err != nil {
			return fmt.Errorf("entering the control group: %w", err)
		}
	}
	handover, err := prepare(&c)
	if err != nil {
		return err
	}
	handover.Booted, handover.FolderReady = booted, time.Now().UTC() //nolint:forbidigo // as above
	return become(c, handover)
}

// prepare opens what the agent needs of the world that is about to be hidden, and makes the runner's folder.
func prepare(c *Config) (Handover, error) {
	h := Handover{
		Instance: c.Instance, ServerURL: c.ServerURL, Token: c.Token, Delay: c.Delay, Isolation: c.Isolation,
		Environment: c.Environment, RunnerFolder: RunnerFolder, Home: HomeFolder,
	}
	if socket, ok := strings.CutPrefix(c.ServerURL, "unix://"); ok {
		if err := inherit(socket, unix.O_PATH, socketFD); err != nil {
			return h, fmt.Errorf("opening the server's socket: %w", err)
		}
		h.ServerURL = fmt.Sprintf("unix:///proc/self/fd/%d", socketFD)
	}
	if c.Isolation == None {
		h.RunnerFolder = filepath.Join(c.Folder, "runner")
		h.Home = filepath.Join(c.Folder, "home")
		if err := inheritLogs(c.Logs); err != nil {
			return h, err
		}
		kind, err := linkRunner(c.RunnerDir, h.RunnerFolder)
		if err != nil {
			return h, err
		}
		h.FolderKind = kind
		return h, mkdirs(0o700, h.Home)
	}
	kind, err := isolate(c)
	if err != nil {
		return h, err
	}
	h.FolderKind = kind
	if c.Probe {
		return h, nil
	}
	if _, err := os.Stat(filepath.Join(RunnerFolder, "bin", "Runner.Listener")); err != nil {
		return h, fmt.Errorf("the installed runner has no bin/Runner.Listener that a job can see "+
			"(a link must not lead into a folder that jobs cannot see, such as /home or /tmp): %w", err)
	}
	return h, nil
}

// inheritLogs opens the log folder where it is writable.
func inheritLogs(path string) error {
	if err := inherit(path, unix.O_RDONLY|unix.O_DIRECTORY, logsFD); err != nil {
		return fmt.Errorf("opening the log folder: %w", err)
	}
	return nil
}

// inherit opens path as descriptor fd, which survives the coming exec.
func inherit(path string, flags, fd int) error {
	opened, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	if opened == fd {
		return clearCloseOnExec(fd)
	}
	if err := unix.Dup3(opened, fd, 0); err != nil {
		return os.NewSyscallError("dup3", err)
	}
	return os.NewSyscallError("close", unix.Close(opened))
}

func clearCloseOnExec(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
	return os.NewSyscallError("fcntl", err)
}

// become gives up every privilege and executes this binary again as the agent.
func become(c Config, h Handover) error {
	b, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("writing the handover: %w", err)
	}
	if len(b) > MaxConfigBytes {
		return fmt.Errorf("the handover of %d bytes is too long: shorten the environment for runners", len(b))
	}
	if c.Isolation != None {
		if err := dropPrivileges(c); err != nil {
			return err
		}
	}
	if c.Probe {
		return nil
	}
	if err := provide(b, ConfigFD); err != nil {
		return fmt.Errorf("handing over: %w", err)
	}
	environment := []string{"PATH=" + Path, "HOME=" + h.Home, "LANG=C.UTF-8"}
	err = unix.Exec("/proc/self/exe", []string{"runs-fleet-agent", "agent", "--instance", c.Instance}, environment)
	return fmt.Errorf("becoming the agent (its file must be executable for every user): %w", err)
}

// Path is the search path of agents and jobs: what every login of a Linux machine has, and nothing of the server's own.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// provide makes b readable at fd, which survives the coming exec.
func provide(b []byte, fd int) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	if _, err := w.Write(b); err != nil { // MaxConfigBytes fits the pipe's buffer
		return fmt.Errorf("writing to the pipe: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("closing the pipe: %w", err)
	}
	if int(r.Fd()) == fd {
		return clearCloseOnExec(fd)
	}
	return os.NewSyscallError("dup3", unix.Dup3(int(r.Fd()), fd, 0))
}

// Logs returns the log folder that Run opened before it was hidden. The agent calls it once, and Seal first.
func Logs() *os.File { return os.NewFile(logsFD, "logs") }

// Seal makes the agent unreadable for a job of the same user id: its memory, its environment and its descriptors, which
// no child inherits.
func Seal() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("making the agent unreadable: %w", err)
	}
	name, err := unix.BytePtrFromString("runs-fleet-agen") // 15 bytes, which is what the kernel keeps
	if err != nil {
		return fmt.Errorf("naming the process: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NAME, uintptr(unsafePointer(name)), 0, 0, 0); err != nil {
		return fmt.Errorf("naming the process: %w", err)
	}
	for _, fd := range []int{ConfigFD, logsFD, socketFD} {
		unix.CloseOnExec(fd)
	}
	return nil
}
