//go:build !linux

package main

import "context"

// agentStart measures nothing where agents are no processes of this machine.
func agentStart(_ context.Context, b *bench) error {
	b.report.note("agent: only measured on Linux.")
	return nil
}
