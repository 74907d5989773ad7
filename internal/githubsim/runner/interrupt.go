package runner

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// onInterrupt returns a channel that is closed at the first SIGINT or SIGTERM.
func onInterrupt(ctx context.Context) <-chan struct{} {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	interrupted := make(chan struct{})
	go func() {
		defer signal.Stop(signals)
		select {
		case <-signals:
			close(interrupted)
		case <-ctx.Done():
		}
	}()
	return interrupted
}
