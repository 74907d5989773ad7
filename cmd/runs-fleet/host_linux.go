package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/ingress"
	"github.com/runs-fleet/runs-fleet/internal/provider/host"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

// hosting is a running host.
type hosting struct {
	parts

	settings settings.Settings
	http     *http.Server
	failed   chan error
}

// serveHost offers this machine's runners to servers elsewhere until it has been told to stop. Its machines stay at work, and
// the next start takes them over.
func serveHost(ctx context.Context, s settings.Settings, to streams) (err error) {
	signals := listenForSignals()
	defer signals.stop()
	h := &hosting{settings: s, failed: make(chan error, 1)}
	h.clock = seam.System{}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.open(ctx, to); err != nil {
		return err
	}
	if err := h.announce(to); err != nil {
		return err
	}
	if err := notifyReady(ctx); err != nil {
		_, _ = fmt.Fprintln(to.err, "the service is ready, and systemd does not know it:", err)
	}
	select {
	case err := <-h.failed:
		return err
	case <-ctx.Done():
	case <-signals.received:
		_, _ = fmt.Fprintln(to.out, "Stopping. Runners stay at work, and the next start takes them over.")
	}
	grace, cancel := h.clock.WithTimeout(context.WithoutCancel(ctx), s.ShutdownGrace)
	defer cancel()
	if err := h.http.Shutdown(grace); err != nil {
		return errors.Join(fmt.Errorf("calls in flight were cut off: %w", err), h.http.Close())
	}
	return nil
}

// open starts the local provider and listens.
func (h *hosting) open(ctx context.Context, to streams) error {
	s, log := h.settings, logger(h.settings, to.err)
	token, err := hostToken(s)
	if err != nil {
		return err
	}
	const private = 0o700
	if err := os.MkdirAll(s.Data, private); err != nil {
		return fmt.Errorf("making the data directory: %w; choose another with --data", err)
	}
	unlock, err := sqlite.Lock(s.Data)
	if err != nil {
		return err
	}
	h.onClose("the lock of the data directory", unlock)
	runner, err := installedRunner(s.RunnerDir)
	if err != nil {
		return err
	}
	h.machines, err = openLocal(ctx, localOptions{
		settings: s, serverURL: strings.TrimRight(s.ControlPlane, "/"), runner: func(context.Context) (string, error) { return runner, nil },
		clock: h.clock, random: seam.Crypto{}, logger: log, onClose: h.onClose,
		withoutLimit: func() { log.WarnContext(ctx, "no control group can be made: jobs run without a limit of processes") },
	})
	if err != nil {
		return err
	}
	handler, err := host.NewHandler(h.machines, h.machines.about, token, log)
	if err != nil {
		return err
	}
	if h.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.HostListen); err != nil {
		return fmt.Errorf("listening on %s: %w; choose another address with --host-listen", s.HostListen, err)
	}
	h.http = &http.Server{Handler: handler} //nolint:gosec // Harden sets the deadlines
	ingress.Harden(h.http)
	go func() {
		if err := h.http.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
			h.failed <- fmt.Errorf("serving HTTP: %w", err)
		}
	}()
	return nil
}

func (h *hosting) announce(to streams) error {
	_, err := fmt.Fprintf(to.out, "This host offers %d runners at a time to the servers at %s.\n\n"+
		"  Address      http://%s  (host_url of the servers)\n  Isolation    %s\n  Data         %s\n\nCtrl-C stops it and leaves runners at work.\n\n",
		h.machines.about.Slots, h.settings.ControlPlane, h.listener.Addr(), isolationText(h.machines.about.Isolation), h.settings.Data)
	if err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	return nil
}
