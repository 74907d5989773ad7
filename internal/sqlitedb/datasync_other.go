//go:build !linux

package sqlitedb

import "os"

func datasync(file *os.File) error { return file.Sync() }
