//go:build !linux

package runner

import (
	"errors"
	"os/exec"
	"syscall"
)

// errNeedsLinux is what the listener says elsewhere, before anything is started.
var errNeedsLinux = errors.New("runners need Linux: this stand-in controls its jobs with Linux's own means")

func workerAttributes() *syscall.SysProcAttr { return nil }

func stepAttributes() *syscall.SysProcAttr { return nil }

func adoptOrphans() error { return errNeedsLinux }

func killOrphans() int { return 0 }

func killSession(int) {}

func keepFromChildren(int) {}

func signalOf(*exec.ExitError) int { return 0 }

func countDescendants() int { return 0 }

func reapEnded() {}
