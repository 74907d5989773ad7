package faultrun

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// process is a program that ends with this one.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of the wait, once done is closed
}

// start starts a program whose output is added to a file. One thread starts it and waits for it, since the signal that it
// gets at its parent's death belongs to the parent's thread.
func start(log, program string, args, env []string) (*process, error) {
	const private = 0o600
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, private)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", err)
	}
	defer func() { _ = out.Close() }()
	p := &process{cmd: exec.Command(program, args...), done: make(chan struct{})} //nolint:noctx // it lives until it is told to end
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return p, nil
}

func (p *process) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends it as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop ends it gently.
func (p *process) stop() error {
	if p.over() {
		return p.err
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping a program: %w", err)
	}
	<-p.done
	return p.err
}
