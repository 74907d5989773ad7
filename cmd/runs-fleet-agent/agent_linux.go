package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/runs-fleet/runs-fleet/internal/agent"
	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// supervise is the agent of a local machine, after its boot stage.
func supervise(ctx context.Context, log io.Writer) (err error) {
	if err := boot.Seal(); err != nil {
		return err
	}
	inherited := os.NewFile(boot.ConfigFD, "configuration")
	h, err := boot.ReadHandover(inherited)
	if err = errors.Join(err, inherited.Close()); err != nil {
		return err
	}
	ctx, stop := signals(ctx, h.Isolation)
	defer stop()
	logs, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", boot.Logs().Fd()))
	if err != nil {
		return fmt.Errorf("opening the log folder: %w", err)
	}
	defer func() { err = errors.Join(err, logs.Close()) }()
	processes, err := agent.NewProcesses(agent.ProcessOptions{
		Folder: h.RunnerFolder, Home: h.Home, Path: boot.Path, Environment: h.Environment, Logs: logs,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, processes.Close()) }()
	client, err := agentapi.NewClient(h.ServerURL)
	if err != nil {
		return err
	}
	defer client.Close()
	hello := agent.Facts()
	hello.Token, hello.Booted = h.Token, h.Booted
	logger := slog.New(slog.NewTextHandler(log, nil)).With("instance", h.Instance)
	logger.InfoContext(ctx, "runner's folder", "kind", h.FolderKind, "isolation", string(h.Isolation))
	return agent.Run(ctx, agent.Options{
		Server: client, Runner: processes, Hello: hello, Limits: agent.DefaultLimits(), Delay: h.Delay,
		Folder: agentapi.Phase{Name: "folder ready", At: h.FolderReady, Detail: h.FolderKind},
		Clock:  seam.System{}, Random: seam.Crypto{}, Logger: logger,
	})
}

// signals ends the context on SIGTERM. Process 1 of a namespace takes no notice instead: signals could only come from its
// job, whereas the control plane ends it from outside, by one that nobody can ignore. They are caught rather than
// ignored, because a child inherits what is ignored, and the listener needs its SIGINT.
func signals(ctx context.Context, isolation boot.Isolation) (context.Context, context.CancelFunc) {
	if isolation == boot.None {
		return signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	}
	nobody := make(chan os.Signal, 1)
	signal.Notify(nobody, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM)
	return ctx, func() { signal.Stop(nobody) }
}
