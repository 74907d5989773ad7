package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// diag is one log file of the folder _diag.
type diag struct {
	mu   sync.Mutex
	file *os.File
	part string
}

// openDiag creates _diag/KIND_TIME-utc.log. A second of the same kind in one second gets the process id into its name.
func openDiag(root, kind string) (*diag, error) {
	folder := filepath.Join(root, "_diag")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("creating the folder of logs: %w", err)
	}
	stamp := time.Now().UTC().Format("20060102-150405")
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY | os.O_APPEND
	file, err := os.OpenFile(filepath.Join(folder, kind+"_"+stamp+"-utc.log"), flags, 0o600)
	if os.IsExist(err) {
		file, err = os.OpenFile(filepath.Join(folder, fmt.Sprintf("%s_%s-utc-%d.log", kind, stamp, os.Getpid())), flags, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("creating a log: %w", err)
	}
	return &diag{file: file, part: kind}, nil
}

// log writes one line in the original's form.
func (d *diag) log(level, format string, values ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	stamp := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	_, _ = fmt.Fprintf(d.file, "[%s %-4s %s] %s\n", stamp, level, d.part, fmt.Sprintf(format, values...))
}

// Close ends the file.
func (d *diag) Close() error {
	if err := d.file.Close(); err != nil {
		return fmt.Errorf("closing a log: %w", err)
	}
	return nil
}
