package demo

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// program is one of the product's programs in a process of its own.
type program struct {
	name   string // what the reader calls it
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
	err    error // once exited
}

// startProgram runs a program whose output goes to a log.
func startProgram(name, binary string, args, env []string, log string) (*program, error) {
	p := &program{name: name, log: log, exited: make(chan struct{})}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("creating the log of %s: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	p.cmd = exec.Command(binary, args...) //nolint:noctx // the product's own program; ended by stop
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, file, file
	p.cmd.SysProcAttr = serverAttributes()
	started := make(chan error)
	go p.wait(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	return p, nil
}

// wait starts the program and waits for its end, on one thread: with that thread the program would get the signal that its
// parent has died.
func (p *program) wait(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
		close(p.exited)
	}
}

// unexpected describes a program that ended by itself.
func (p *program) unexpected() error {
	return fmt.Errorf("%s ended by itself (%v). Its last words:\n%s", p.name, p.cmd.ProcessState, p.lastWords())
}

func (p *program) lastWords() string {
	file, err := os.Open(p.log)
	if err != nil {
		return "(none)"
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil && info.Size() > logTail {
		_, _ = file.Seek(-logTail, io.SeekEnd)
	}
	content, _ := io.ReadAll(file)
	return strings.TrimSpace(string(content))
}

// end tells the program to end and waits for that; at the end of hurry it is told again.
func (p *program) end(how os.Signal, within time.Duration, hurry <-chan struct{}) error {
	_ = p.cmd.Process.Signal(how)
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		select {
		case <-p.exited:
			if p.err != nil {
				return fmt.Errorf("the end of %s: %w; its log is %s", p.name, p.err, p.log)
			}
			return nil
		case <-hurry:
			hurry = nil
			_ = p.cmd.Process.Signal(how)
		case <-deadline.C:
			return errors.Join(fmt.Errorf("%s had not stopped after %s", p.name, within), p.kill())
		}
	}
}

func (p *program) kill() error {
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	<-p.exited
	return nil
}

// over says whether the program has ended.
func (p *program) over() bool { return closed(p.exited) }
