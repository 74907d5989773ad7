package main

import (
	"context"
	"fmt"
	"net"
	"os"
)

// notifySocket is the environment variable by which systemd says where it wants to hear that a service is ready (sd_notify(3)).
const notifySocket = "NOTIFY_SOCKET"

// notifyReady tells systemd that the server answers, so that `systemctl start` returns then and not before. Without systemd
// nobody wants to know.
func notifyReady(ctx context.Context) error {
	path := os.Getenv(notifySocket)
	if path == "" {
		return nil
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unixgram", path)
	if err != nil {
		return fmt.Errorf("telling systemd that the server is ready: %w", err)
	}
	_, err = conn.Write([]byte("READY=1"))
	if closed := conn.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("telling systemd that the server is ready: %w", err)
	}
	return nil
}
