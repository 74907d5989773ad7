package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
)

// diagnosticsFolder is where the official runner writes its logs.
const diagnosticsFolder = "_diag"

// Bounds of what is kept: a job can write what it likes into the folder of the logs.
const (
	maxKeptFile  = 16 << 20
	maxKeptTotal = 64 << 20
	maxKeptFiles = 100
)

// keepDiagnostics copies the logs in runner's _diag into logs and returns the end of the newest Runner and Worker log.
// The job owns that folder: only regular files are read, and no link leads out of the runner's folder.
func keepDiagnostics(runner, logs *os.Root) (string, error) {
	entries, err := fs.ReadDir(runner.FS(), diagnosticsFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("listing the runner's logs: %w", err)
	}
	var kept []string
	var total int64
	var failures error
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !strings.HasSuffix(entry.Name(), ".log") || len(kept) == maxKeptFiles {
			continue
		}
		n, err := keepFile(runner, logs, entry.Name(), min(maxKeptFile, maxKeptTotal-total))
		if err != nil {
			failures = errors.Join(failures, err)
			continue
		}
		total += n
		kept = append(kept, entry.Name())
	}
	return tail(logs, kept), failures
}

func keepFile(runner, logs *os.Root, name string, limit int64) (n int64, err error) {
	// Not blocking: the entry may have become a pipe since it was listed.
	source, err := runner.OpenFile(path.Join(diagnosticsFolder, name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, fmt.Errorf("opening a log: %w", err)
	}
	defer func() { _ = source.Close() }() // only read
	info, err := source.Stat()
	if err != nil {
		return 0, fmt.Errorf("looking at a log: %w", err)
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is no regular file", name)
	}
	target, err := logs.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, fmt.Errorf("keeping a log: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if n, err = io.Copy(target, io.LimitReader(source, limit)); err != nil {
		return n, fmt.Errorf("keeping a log: %w", err)
	}
	return n, nil
}

// tail returns the ends of the newest log of each kind; the names hold the time.
func tail(logs *os.Root, names []string) string {
	slices.Sort(names)
	var text strings.Builder
	for _, prefix := range []string{"Runner_", "Worker_"} {
		newest := ""
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				newest = name
			}
		}
		if newest == "" {
			continue
		}
		const share = agentapi.MaxDiagnostics/2 - 128 // each has half, less its heading
		if b, err := logs.ReadFile(newest); err == nil {
			fmt.Fprintf(&text, "== %s\n%s\n", newest, agentapi.Clip(strings.ToValidUTF8(string(b), "?"), share))
		}
	}
	return text.String()
}

// cappedLog is a file that stops growing at a limit.
type cappedLog struct {
	mu   sync.Mutex
	file *os.File
	left int
}

func newCappedLog(root *os.Root, name string) (*cappedLog, error) {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the listener's log: %w", err)
	}
	const limit = 4 << 20
	return &cappedLog{file: f, left: limit}, nil
}

func (l *cappedLog) line(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(b)+1 > l.left {
		l.left = 0
		return
	}
	l.left -= len(b) + 1
	_, _ = l.file.Write(append(slices.Clip(b), '\n')) // a full disk must not end the job
}

func (l *cappedLog) close() error { return l.file.Close() }
