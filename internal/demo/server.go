package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// fleet is the product at work: one server, or several with what they share.
type fleet interface {
	// address is where GitHub sends webhooks.
	address() string
	// describe says what there is.
	describe() []string
	// data is the data directory of a server that the command line can ask.
	data() string
	// ended is closed when a program has ended that should not have; unexpected says how.
	ended() <-chan struct{}
	unexpected() error
	// stop lets running jobs end, unless the reader is in a hurry, and ends everything.
	stop(ctx context.Context, hurry <-chan struct{}) error
}

// server is the product's server in a process of its own.
type server struct {
	*program

	url    string
	folder string // the data directory
}

// startServer runs `runs-fleet serve` against the simulated GitHub and returns when it is ready.
func startServer(ctx context.Context, o Options, g *gitHub, folder string) (*server, error) {
	binary, err := findServer(o)
	if err != nil {
		return nil, err
	}
	s := &server{folder: filepath.Join(folder, "data")}
	args := append(serveArgs(o, g, s.folder), hostArgs(o, folder)...)
	if s.program, err = startProgram("the server", binary, args, serverEnv(o, g, folder), filepath.Join(folder, "server.log")); err != nil {
		return nil, err
	}
	return s, s.awaitReady(ctx)
}

// serveArgs are what every server is told.
func serveArgs(o Options, g *gitHub, data string) []string {
	return []string{
		"serve", "--listen", "127.0.0.1:0", "--data", data, "--github-url", g.url + "/api/v3", "--repository", fullName,
		"--poll-interval", o.PollInterval.String(), "--max-runners", fmt.Sprint(o.MaxRunners),
	}
}

// hostArgs are what is told to the program that starts runners.
func hostArgs(o Options, folder string) []string {
	args := []string{"--runner-dir", filepath.Join(folder, "runner")}
	if o.AgentBinary != "" {
		args = append(args, "--agent", o.AgentBinary)
	}
	if o.Isolation != "" {
		args = append(args, "--isolation", o.Isolation)
	}
	return args
}

func serverEnv(o Options, g *gitHub, folder string) []string {
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder}, g.env...)
	if o.BootDelay > 0 {
		env = append(env, "RUNS_FLEET_BOOT_DELAY="+o.BootDelay.String())
	}
	return env
}

func (s *server) awaitReady(ctx context.Context) error {
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
			return errors.Join(fmt.Errorf("%s was not ready after %s; its log is %s", s.name, readyWithin, s.log), s.kill())
		case <-tick.C:
			if file, err := client.ReadServerFile(s.folder); err == nil {
				s.url = file.URL
				return nil
			}
		}
	}
}

func (s *server) address() string { return s.url }

func (s *server) describe() []string {
	return []string{fmt.Sprintf("runs-fleet serve  %s  process %d", s.url, s.cmd.Process.Pid)}
}

func (s *server) data() string { return s.folder }

func (s *server) ended() <-chan struct{} { return s.exited }

// stop ends the server as a Ctrl-C does, so that running jobs may end, and at the end of hurry as a second one does.
func (s *server) stop(_ context.Context, hurry <-chan struct{}) error {
	if s.over() {
		return nil // whoever saw it end told of it
	}
	return s.end(os.Interrupt, drainWithin, hurry)
}

// clientOf returns a client of the server that works with the data directory.
func clientOf(data string) (*client.Client, error) {
	file, err := client.ReadServerFile(data)
	if err != nil {
		return nil, fmt.Errorf("finding the server: %w", err)
	}
	c, err := client.New(file.URL, file.Token, seam.System{})
	if err != nil {
		return nil, fmt.Errorf("finding the server: %w", err)
	}
	return c, nil
}

// loginURL asks the server for an address that logs a browser in.
func loginURL(ctx context.Context, data string) (string, error) {
	c, err := clientOf(data)
	if err != nil {
		return "", err
	}
	login, err := c.LoginURL(ctx)
	if err != nil {
		return "", fmt.Errorf("asking the server for an address of its dashboard: %w", err)
	}
	return login.URL, nil
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
