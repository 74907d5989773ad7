package sqlitedb

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync leaves the file's timestamps out, which nothing here reads.
func datasync(file *os.File) error {
	for {
		if err := unix.Fdatasync(int(file.Fd())); err != unix.EINTR {
			return err //nolint:wrapcheck // Sync says which file
		}
	}
}
