package power

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"

	"github.com/runs-fleet/runs-fleet/internal/awssim"
)

// EnvMetadata is where AWS's SDKs, and so whatever runs on a machine, look for the address of the metadata service.
const EnvMetadata = "AWS_EC2_METADATA_SERVICE_ENDPOINT"

// Process boots a machine by starting a program.
type Process struct {
	Program string
	Args    []string
	// Env is the program's environment beside EnvMetadata. It inherits none.
	Env []string
	// Folder makes the folder that the program starts in; nil is a temporary one, removed when the program has ended.
	Folder func(m awssim.Machine) (string, error)
	// Console takes what the program of a machine prints; nil drops it.
	Console func(m awssim.Machine) io.Writer
}

// Boot is Booter's.
func (p Process) Boot(_ context.Context, m awssim.Machine, metadata string) (Running, error) {
	folder, remove, err := p.folder(m)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(p.Program, p.Args...) //nolint:noctx // it lives until its machine loses power
	cmd.Dir, cmd.Env = folder, append(slices.Clone(p.Env), EnvMetadata+"="+metadata)
	if p.Console != nil {
		cmd.Stdout = p.Console(m)
		cmd.Stderr = cmd.Stdout
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() { // one thread starts it and waits for it, because Pdeathsig is of the thread that started it
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()                                      // how it ended is the machine's business
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind ends with it
		}
		remove()
		close(r.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Program, err)
	}
	return r, nil
}

func (p Process) folder(m awssim.Machine) (folder string, remove func(), err error) {
	if p.Folder != nil {
		if folder, err = p.Folder(m); err != nil {
			return "", nil, fmt.Errorf("making the folder of %s: %w", m.ID, err)
		}
		return folder, func() {}, nil
	}
	if folder, err = os.MkdirTemp("", m.ID+"-"); err != nil {
		return "", nil, fmt.Errorf("making the folder of %s: %w", m.ID, err)
	}
	return folder, func() { _ = os.RemoveAll(folder) }, nil // a leftover in the temporary folder harms nobody
}

type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// Kill is Running's: it ends the whole group of processes.
func (p *process) Kill() {
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		_ = p.cmd.Process.Kill() // the group is gone, or never was
	}
	<-p.done
}

// Done is Running's.
func (p *process) Done() <-chan struct{} { return p.done }
