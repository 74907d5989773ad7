package harness

import (
	"os/exec"
	"testing"
)

// Process is a child whose end is known.
type Process struct {
	Cmd *exec.Cmd

	done chan struct{}
	err  error
}

// Launch starts a command.
func Launch(t *testing.T, cmd *exec.Cmd) *Process {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Process{Cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Over says whether it has.
func (p *Process) Over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Wait waits for the end and returns what the command's Wait did.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}
