//go:build !linux

package main

import (
	"context"
	"errors"
	"runtime"

	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

func serve(context.Context, settings.Settings, streams) error {
	return errors.New("a server needs Linux: on " + runtime.GOOS + " this program can be a client only. " +
		"Start a server on a Linux machine (or in a virtual one), and ask it with --server and RUNS_FLEET_TOKEN")
}

func serveHost(context.Context, settings.Settings, streams) error {
	return errors.New("a host needs Linux: on " + runtime.GOOS + " this program can be a client only")
}

func examine(context.Context, settings.Settings) []doctor.Finding {
	return []doctor.Finding{{
		Check: "platform", Level: doctor.Problem, Detail: runtime.GOOS + "/" + runtime.GOARCH + " can be a client only",
		Remedy: "run the server on Linux; from here, ask it with --server and RUNS_FLEET_TOKEN",
	}}
}
