package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFile is in the data directory and stays there: removing it would let two processes lock two files of that name.
const lockFile = "lock"

// LockedError says that another process uses a data directory.
type LockedError struct {
	Dir string
	PID int // 0 when the holder has not written it yet
}

func (e *LockedError) Error() string {
	holder := "another process"
	if e.PID != 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("data directory %s is in use by %s: stop that server, or use another directory", e.Dir, holder)
}

// Lock reserves a data directory for this process, or returns a *LockedError. The kernel releases the lock when the process
// ends, however that happens.
func Lock(dir string) (unlock func() error, err error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data directory %s: %w", dir, err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = &LockedError{Dir: dir, PID: holder(file)}
		}
		return nil, errors.Join(fmt.Errorf("locking the data directory: %w", err), file.Close())
	}
	if err := writeHolder(file); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the lock of the data directory %s: %w", dir, err), file.Close())
	}
	return func() error {
		// Closing releases the lock; the number goes first, so that it never names a process that holds nothing.
		if err := errors.Join(file.Truncate(0), file.Close()); err != nil {
			return fmt.Errorf("unlocking the data directory %s: %w", dir, err)
		}
		return nil
	}, nil
}

func holder(file io.Reader) int {
	text, err := io.ReadAll(io.LimitReader(file, 32)) //nolint:mnd // more than a number needs
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

func writeHolder(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}
