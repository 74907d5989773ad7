package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

const (
	startTimeout = time.Minute // on a machine whose cores are all taken; alone it is a second
	probeTimeout = 2 * time.Second
	probePause   = 20 * time.Millisecond
	attempts     = 5 // a port that was free may be taken before the emulator listens on it
	lastWords    = 4000
)

// Process is a running emulator.
type Process struct {
	// URL is its endpoint, such as http://127.0.0.1:40123.
	URL string

	kind   Kind
	data   string
	cmd    *exec.Cmd
	waited chan struct{}
	err    error // of the wait, once waited is closed
}

// Start starts an emulator on a free port of loopback and returns when it answers. It ends with Stop, and with this process.
func Start(ctx context.Context, kind Kind) (*Process, error) {
	at, err := installed()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		p, err := start(ctx, kind, at)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, errEnded) || attempt == attempts {
			return nil, fmt.Errorf("starting %s: %w", kind, err)
		}
	}
}

// errEnded says that an emulator stopped before it answered.
var errEnded = errors.New("it ended before it answered")

func start(ctx context.Context, kind Kind, at string) (*Process, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp("", "emulator-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for its data: %w", err)
	}
	p := &Process{
		URL:  fmt.Sprintf("http://127.0.0.1:%d", port),
		kind: kind, data: data, waited: make(chan struct{}),
	}
	how, err := kind.launchOf(at, port, filepath.Join(data, "data"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	if err := p.run(how); err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	if err := p.awaitAnswer(ctx, how.ready); err != nil {
		words := p.lastWords()
		return nil, errors.Join(fmt.Errorf("%w; its last words: %s", err, words), p.Stop())
	}
	return p, nil
}

// run starts the process. One thread starts it and waits for it: the signal that it gets when its parent dies belongs to
// the parent's thread, not to the process (prctl(2), PR_SET_PDEATHSIG).
func (p *Process) run(how launch) error {
	if _, err := os.Stat(how.program); err != nil {
		return fmt.Errorf("%w (%s is missing)", ErrMissing, how.program)
	}
	if err := os.Mkdir(filepath.Join(p.data, "data"), 0o700); err != nil {
		return fmt.Errorf("making a folder for its data: %w", err)
	}
	output, err := os.Create(p.outputPath())
	if err != nil {
		return fmt.Errorf("making a file for its output: %w", err)
	}
	defer func() { _ = output.Close() }()
	p.cmd = exec.Command(how.args[0], how.args[1:]...) //nolint:noctx // it lives until Stop
	p.cmd.Dir, p.cmd.Env = p.data, append(os.Environ(), how.env...)
	p.cmd.Stdout, p.cmd.Stderr = output, output
	p.cmd.SysProcAttr = attributes()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.waited)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("%w; it needs %s", err, how.args[0])
	}
	return nil
}

// awaitAnswer returns when any answer comes; an emulator that refuses an unsigned request is ready.
func (p *Process) awaitAnswer(ctx context.Context, path string) error {
	clock := seam.System{}
	ctx, cancel := clock.WithTimeout(ctx, startTimeout)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: probeTimeout}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, http.NoBody)
		if err != nil {
			return fmt.Errorf("asking whether it is ready: %w", err)
		}
		response, err := client.Do(request)
		if err == nil {
			_ = response.Body.Close()
			return nil
		}
		select {
		case <-p.waited:
			return fmt.Errorf("%w (%w)", errEnded, p.err)
		default:
		}
		if clock.Sleep(ctx, probePause) != nil {
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
}

// Stop kills the emulator with all that it has started, and removes what it kept.
func (p *Process) Stop() error {
	kill(p.cmd.Process)
	<-p.waited
	return os.RemoveAll(p.data)
}

func (p *Process) outputPath() string { return filepath.Join(p.data, "output") }

func (p *Process) lastWords() string {
	words, err := os.ReadFile(p.outputPath())
	if err != nil {
		return err.Error()
	}
	return string(words[max(0, len(words)-lastWords):])
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("finding a free port: %s is no address of TCP", listener.Addr())
	}
	if err := listener.Close(); err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	return address.Port, nil
}
