package main

import (
	"context"

	"github.com/runs-fleet/runs-fleet/internal/doctor"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

func examine(ctx context.Context, _ settings.Settings) []doctor.Finding {
	return doctor.Run(ctx, seam.System{}, nil)
}
