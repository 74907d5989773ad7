package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Install makes folder look like an unpacked official runner whose programs are this executable. Programs are hard
// links, so that the folder can be copied and moved; where the file system cannot link them they are copies.
func Install(folder string) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	for _, sub := range []string{"bin", "externals"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o755); err != nil { //nolint:gosec // other users run the runner
			return fmt.Errorf("creating the runner's folder: %w", err)
		}
	}
	for _, name := range []string{listenerName, workerName} {
		if err := place(executable, filepath.Join(folder, "bin", name)); err != nil {
			return fmt.Errorf("installing %s: %w", name, err)
		}
	}
	return nil
}

func place(executable, target string) error {
	if err := os.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := os.Link(executable, target)
	if err == nil || !errors.Is(err, syscall.EXDEV) && !errors.Is(err, os.ErrPermission) {
		return err
	}
	from, err := os.Open(executable)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) //nolint:gosec // a program
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		return fmt.Errorf("copying %s: %w", executable, err)
	}
	return to.Close()
}
