package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// datasync makes a file's content durable.
func datasync(file *os.File) error {
	if err := unix.Fdatasync(int(file.Fd())); err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	return nil
}
