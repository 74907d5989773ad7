package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/archive"
	"github.com/runs-fleet/runs-fleet/internal/blob/file"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// openBlobs opens the blob store that the settings name. A bucket is not asked for before a log is to be kept: a server
// works without one.
func (p *parts) openBlobs(ctx context.Context, s *server) error {
	backend, err := s.settings.BlobBackend()
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	if backend.Shared() {
		bucket, err := bucketOf(ctx, backend, s.clock, s.random, &p.calls)
		if err != nil {
			return err
		}
		p.archive = archive.New(bucket, s.clock)
		return nil
	}
	folder, err := file.Open(s.settings.Path(s.settings.Blob), s.clock)
	if err != nil {
		return err
	}
	p.onClose("the blob store", folder.Close)
	p.archive = archive.New(folder, s.clock)
	p.old = p.archive.Sweep
	if !p.alone {
		s.log.WarnContext(ctx, "the logs of ended machines are kept on this machine, where other servers do not find them: set blob to s3://BUCKET/PREFIX",
			"blob", s.settings.Blob)
	}
	return nil
}

// sweepLogsEvery is how often logs are looked at that may be old enough to go.
const sweepLogsEvery = 6 * time.Hour

// sweepLogs removes archived logs that have been kept for their time, until the context ends.
func (p *parts) sweepLogs(ctx context.Context, log *slog.Logger) {
	if p.old == nil { // the bucket's lifecycle does it
		return
	}
	for ctx.Err() == nil {
		n, err := p.old(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.WarnContext(ctx, "removing old logs of machines", "error", err)
		case n > 0:
			log.InfoContext(ctx, "old logs of machines removed", "logs", n)
		default:
		}
		if p.clock.Sleep(ctx, sweepLogsEvery) != nil {
			return
		}
	}
}

// machineLog finds a log of a machine: where it was archived, else what the provider still knows. Nothing is no error.
func (p *parts) machineLog(ctx context.Context, id fleet.MachineID, l fleet.Log) ([]byte, error) {
	kept, failed := p.archive.Log(ctx, id, l)
	if failed == nil {
		return kept, nil
	}
	if errors.Is(failed, archive.ErrNone) {
		failed = nil
	}
	if l != fleet.LogConsole {
		return nil, failed
	}
	console, err := p.machines.ConsoleLog(ctx, id.Site, id.ID)
	if err != nil {
		return nil, errors.Join(failed, fmt.Errorf("asking the provider: %w", err))
	}
	if len(console) == 0 {
		return nil, failed
	}
	return console, nil
}
