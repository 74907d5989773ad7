//go:build !linux

package main

import (
	"context"
	"io"

	"github.com/runs-fleet/runs-fleet/internal/agent/boot"
)

func supervise(context.Context, io.Writer) error { return boot.ErrUnsupported }
