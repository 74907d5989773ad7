package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// portFile remembers the port that was chosen for port 0: agents that outlived the server look for it there.
const portFile = "port"

// listen takes the address, so that nobody is told of one that is not ours.
func (p *parts) listen(ctx context.Context, s settings.Settings) error {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return fmt.Errorf("reading listen: %w", err)
	}
	var config net.ListenConfig
	if port == "0" {
		if former, err := os.ReadFile(filepath.Join(s.Data, portFile)); err == nil {
			p.listener, _ = config.Listen(ctx, "tcp", net.JoinHostPort(host, strings.TrimSpace(string(former)))) // else any
		}
	}
	if p.listener == nil {
		if p.listener, err = config.Listen(ctx, "tcp", s.Listen); err != nil {
			if errors.Is(err, syscall.EADDRINUSE) {
				return fmt.Errorf("listening on %s: another program does so already; choose another address with --listen (%w)", s.Listen, err)
			}
			return fmt.Errorf("listening on %s: %w", s.Listen, err)
		}
	}
	p.onClose("the listener", func() error {
		if err := p.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("closing: %w", err)
		}
		return nil
	})
	_, port, err = net.SplitHostPort(p.listener.Addr().String())
	if err != nil {
		return fmt.Errorf("reading the listening address: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.Data, portFile), []byte(port+"\n"), 0o600); err != nil {
		return fmt.Errorf("noting the port: %w", err)
	}
	p.localURL = "http://" + net.JoinHostPort(reachable(host), port)
	return nil
}

// reachable is the host under which this machine reaches an address: all addresses are reached by loopback.
func reachable(host string) string {
	ip := net.ParseIP(host)
	switch {
	case host == "", ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		return "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		return "::1"
	default:
		return host
	}
}
