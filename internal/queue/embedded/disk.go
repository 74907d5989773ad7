package embedded

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeBytes returns the disk space that this process may still take in a folder.
func freeBytes(dir string) (uint64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("reading the free disk space of %s: %w", dir, err)
	}
	return stat.Bavail * uint64(stat.Bsize), nil // a block's size is positive; its type differs by system
}
