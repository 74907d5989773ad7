//go:build !linux

package main

import "os"

// datasync makes a file durable.
func datasync(file *os.File) error { return file.Sync() } //nolint:wrapcheck // names the file
