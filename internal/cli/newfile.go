package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// newFile makes a file that only this user can read. It appears under its name only when it is complete and on the disk; a
// file of that name is refused.
func newFile(path string, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, os.ErrExist)
	}
	partial := path + ".partial"
	file, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, os.Remove(partial)) }()
	if err := errors.Join(write(file), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Link(partial, path); err != nil { // unlike a rename, a link never replaces
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// existsAlready says what to do about a file that is there.
func existsAlready(err error, path string) error {
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already: choose another name, or move it away", path) //nolint:err113 // shown
	}
	return err
}
