package controller

import "runtime/debug"

// stack returns where a panic happened, bounded.
func stack() string {
	s := debug.Stack()
	return string(s[:min(len(s), 8<<10)])
}
