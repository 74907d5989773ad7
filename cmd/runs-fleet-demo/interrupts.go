package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/runs-fleet/runs-fleet/internal/demo"
)

// interrupts makes wishes of Ctrl-C and SIGTERM. The third ends this process as without the demo's handling.
func interrupts() demo.Interrupts {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	first, second := make(chan struct{}), make(chan struct{})
	go func() {
		<-signals
		close(first)
		<-signals
		close(second)
		signal.Stop(signals)
	}()
	return demo.Interrupts{First: first, Second: second}
}
