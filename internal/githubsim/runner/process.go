package runner

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Descriptors on which a worker gets its order and gives its reports, named on its command line as the original does.
const (
	orderFD  = 3
	reportFD = 4
)

// maxTail is how much of a worker's standard error is kept, for when it crashes.
const maxTail = 4 << 10

// exitPatience is how long a worker that has closed its reports may take to exit by itself.
const exitPatience = 10 * time.Second

// workerProcess is a running Runner.Worker, seen from its listener.
type workerProcess struct {
	cmd     *exec.Cmd
	reports chan report // closed when the worker has ended or closed its end
	stop    func()      // makes the reading of reports end, whether or not anybody listens
	once    sync.Once
	status  string
	waited  chan error
	errors  tail
}

// startWorker starts bin/Runner.Worker of the runner in root, in a process group of its own, so that a Ctrl-C at a
// terminal reaches only the listener, and hands it its order.
func startWorker(root string, env []string, todo order) (*workerProcess, error) {
	encoded, err := json.Marshal(todo)
	if err != nil {
		return nil, fmt.Errorf("encoding the worker's order: %w", err)
	}
	orderOut, orderIn, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("opening a pipe to the worker: %w", err)
	}
	defer func() { _ = orderOut.Close() }()
	reportOut, reportIn, err := os.Pipe()
	if err != nil {
		_ = orderIn.Close()
		return nil, fmt.Errorf("opening a pipe from the worker: %w", err)
	}
	defer func() { _ = reportIn.Close() }()

	w := &workerProcess{reports: make(chan report), waited: make(chan error, 1)}
	path := filepath.Join(root, "bin", workerName)
	w.cmd = exec.Command(path, "spawnclient", fmt.Sprint(orderFD), fmt.Sprint(reportFD)) //nolint:noctx // ended by end
	w.cmd.Dir, w.cmd.Env, w.cmd.Stderr = root, env, &w.errors
	w.cmd.ExtraFiles = []*os.File{orderOut, reportIn}
	w.cmd.SysProcAttr = workerAttributes()
	started := make(chan error)
	go w.run(started)
	if err := <-started; err != nil {
		_, _ = orderIn.Close(), reportOut.Close()
		return nil, fmt.Errorf("starting the worker: %w", err)
	}
	go func() {
		_, _ = orderIn.Write(encoded)
		_ = orderIn.Close()
	}()
	stopped := make(chan struct{})
	w.stop = sync.OnceFunc(func() { close(stopped) })
	go w.read(reportOut, stopped)
	return w, nil
}

// run starts the process and waits for it on one thread: the signal that a worker gets when its parent dies belongs to
// the parent's thread, not to the process (prctl(2), PR_SET_PDEATHSIG).
func (w *workerProcess) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := w.cmd.Start()
	started <- err
	if err == nil {
		w.waited <- w.cmd.Wait()
	}
}

func (w *workerProcess) read(from *os.File, stopped <-chan struct{}) {
	defer close(w.reports)
	defer func() { _ = from.Close() }()
	decoder := json.NewDecoder(bufio.NewReader(from))
	for {
		var one report
		if err := decoder.Decode(&one); err != nil {
			if !errors.Is(err, io.EOF) {
				_, _ = w.errors.Write([]byte("reading the worker's reports: " + err.Error()))
			}
			return
		}
		select {
		case w.reports <- one:
		case <-stopped:
			return
		}
	}
}

func (w *workerProcess) pid() int { return w.cmd.Process.Pid }

// cancel asks the worker to cancel its job: running steps stop, steps with if: always() still run.
func (w *workerProcess) cancel() { _ = w.cmd.Process.Signal(os.Interrupt) }

// end kills what is left of the worker and of everything that it started, and says how the worker ended.
func (w *workerProcess) end() string {
	w.once.Do(func() {
		patience := time.Duration(0)
		if w.finished() {
			patience = exitPatience
		}
		w.stop()
		select {
		case err := <-w.waited:
			w.status = w.describe(err)
		case <-time.After(patience):
			_ = w.cmd.Process.Kill()
			w.status = w.describe(<-w.waited)
		}
		killOrphans()
	})
	return w.status
}

// finished is true once the worker has closed its reports, which is the last thing that it does.
func (w *workerProcess) finished() bool {
	select {
	case _, open := <-w.reports:
		return !open
	default:
		return false
	}
}

func (w *workerProcess) describe(err error) string {
	status := "it exited"
	if err != nil {
		status = err.Error()
	}
	said := strings.TrimSpace(w.errors.String())
	if last := said[strings.LastIndexByte(said, '\n')+1:]; last != "" {
		status += ": " + last
	}
	return status
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write appends and forgets what is too old.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - maxTail; extra > 0 {
		t.text = t.text[extra:]
	}
	return len(p), nil
}

// String is what is left.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
