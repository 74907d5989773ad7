//go:build !linux

package demo

import "syscall"

func serverAttributes() *syscall.SysProcAttr { return nil }
