package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/client"
)

const (
	readyWithin = 60 * time.Second // the server's start, on a slow machine
	readyPoll   = 50 * time.Millisecond
	drainWithin = 90 * time.Second // its orderly end, after which it is killed
	logTail     = 2 << 10          // bytes of its log to show when it ends by itself
)

// server is the product's server in a process of its own.
type server struct {
	cmd    *exec.Cmd
	url    string
	log    string
	data   string // the data directory
	exited chan struct{}
	err    error // once exited
}

// startServer runs `runs-fleet serve` against the simulated GitHub and returns when it is ready.
func startServer(ctx context.Context, o Options, g *gitHub, folder string) (*server, error) {
	binary, err := findServer(o)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	args := []string{
		"serve", "--listen", "127.0.0.1:0", "--data", data, "--github-url", g.url + "/api/v3", "--repository", fullName,
		"--runner-dir", filepath.Join(folder, "runner"), "--poll-interval", o.PollInterval.String(),
		"--max-runners", fmt.Sprint(o.MaxRunners),
	}
	if o.AgentBinary != "" {
		args = append(args, "--agent", o.AgentBinary)
	}
	if o.Isolation != "" {
		args = append(args, "--isolation", o.Isolation)
	}
	s := &server{log: filepath.Join(folder, "server.log"), data: data, exited: make(chan struct{})}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("creating the server's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command(binary, args...) //nolint:noctx // the product's own program; ended by stop
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder}, g.env...)
	if o.BootDelay > 0 {
		s.cmd.Env = append(s.cmd.Env, "RUNS_FLEET_BOOT_DELAY="+o.BootDelay.String())
	}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = serverAttributes()
	started := make(chan error)
	go s.wait(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	return s, s.awaitReady(ctx, data)
}

// wait starts the server and waits for its end, on one thread: with that thread the server would get the signal that its
// parent has died.
func (s *server) wait(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := s.cmd.Start()
	started <- err
	if err == nil {
		s.err = s.cmd.Wait()
		close(s.exited)
	}
}

func (s *server) awaitReady(ctx context.Context, data string) error {
	deadline := time.NewTimer(readyWithin)
	defer deadline.Stop()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), s.kill())
		case <-s.exited:
			return s.unexpected()
		case <-deadline.C:
			return errors.Join(fmt.Errorf("the server was not ready after %s; its log is %s", readyWithin, s.log), s.kill())
		case <-tick.C:
			if file, err := client.ReadServerFile(data); err == nil {
				s.url = file.URL
				return nil
			}
		}
	}
}

// loginURL asks the server for an address that logs a browser in.
func (s *server) loginURL(ctx context.Context) (string, error) {
	file, err := client.ReadServerFile(s.data)
	if err != nil {
		return "", fmt.Errorf("finding the server: %w", err)
	}
	c, err := client.New(file.URL, file.Token, seam.System{})
	if err != nil {
		return "", fmt.Errorf("finding the server: %w", err)
	}
	login, err := c.LoginURL(ctx)
	if err != nil {
		return "", fmt.Errorf("asking the server for an address of its dashboard: %w", err)
	}
	return login.URL, nil
}

// unexpected describes a server that ended by itself.
func (s *server) unexpected() error {
	return fmt.Errorf("the server ended by itself (%v). Its last words:\n%s", s.cmd.ProcessState, s.lastWords())
}

func (s *server) lastWords() string {
	file, err := os.Open(s.log)
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

// stop ends the server as a Ctrl-C does, so that running jobs may end, and at the end of hurry as a second one does.
func (s *server) stop(hurry <-chan struct{}) error {
	_ = s.cmd.Process.Signal(os.Interrupt)
	deadline := time.NewTimer(drainWithin)
	defer deadline.Stop()
	for {
		select {
		case <-s.exited:
			if s.err != nil {
				return fmt.Errorf("the server's end: %w; its log is %s", s.err, s.log)
			}
			return nil
		case <-hurry:
			hurry = nil
			_ = s.cmd.Process.Signal(os.Interrupt)
		case <-deadline.C:
			return errors.Join(fmt.Errorf("the server had not stopped after %s", drainWithin), s.kill())
		}
	}
}

func (s *server) kill() error {
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing the server: %w", err)
	}
	<-s.exited
	return nil
}

// findServer is the server's binary: the one that was named, or the one beside this program.
func findServer(o Options) (string, error) {
	if o.ServerBinary != "" {
		path, err := filepath.Abs(o.ServerBinary)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return "", fmt.Errorf("--server-binary: %w", err)
		}
		return path, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	path := filepath.Join(filepath.Dir(self), "runs-fleet")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("there is no runs-fleet beside this program (%s): build it with `make build`, or say where it is with --server-binary", path)
	}
	return path, nil
}
