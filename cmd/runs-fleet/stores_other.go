//go:build !linux

package main

import (
	"context"
	"errors"

	"github.com/runs-fleet/runs-fleet/internal/cli"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

var errStoresNeedLinux = errors.New("the database is opened on Linux only: run this command on the server's machine")

type stores struct{}

func openStores() cli.Stores { return stores{} }

func (stores) Reading(context.Context, settings.Settings) (*cli.OpenStore, error) {
	return nil, errStoresNeedLinux
}

func (stores) Writing(context.Context, settings.Settings) (*cli.OpenStore, error) {
	return nil, errStoresNeedLinux
}

func (stores) Backup(context.Context, settings.Settings, string) error { return errStoresNeedLinux }
