//go:build !linux

package boot

import (
	"errors"
	"os"
)

// ErrUnsupported says that this operating system cannot run jobs in processes of its own.
var ErrUnsupported = errors.New("not supported here: jobs in processes of the server's own machine need Linux")

// Run returns ErrUnsupported.
func Run() error { return ErrUnsupported }

// Logs returns nil.
func Logs() *os.File { return nil }

// Seal returns ErrUnsupported.
func Seal() error { return ErrUnsupported }
