package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/queue/embedded"
	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
	"github.com/runs-fleet/runs-fleet/internal/store/sqlite"
)

// sweeper is a store whose expired rows stay on the disk until somebody removes them.
type sweeper interface {
	Sweep(ctx context.Context, most int) (int, error)
}

// openStore opens the store that the settings name.
func (p *parts) openStore(ctx context.Context, s *server) error {
	backend, err := s.settings.StoreBackend()
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	p.alone = !backend.Shared()
	switch backend.Scheme {
	case settings.SchemeDynamoDB:
		cfg, err := awsConfig(ctx, backend)
		if err != nil {
			return err
		}
		table, err := dynamodb.New(cfg, dynamodb.Options{Table: backend.Name, Clock: s.clock, Random: s.random, Tally: &p.calls})
		if err != nil {
			return fmt.Errorf("opening the store: %w", err)
		}
		p.store = table
	default:
		file, err := sqlite.Open(ctx, s.settings.Path(s.settings.Store), s.clock, s.log)
		if err != nil {
			return fmt.Errorf("opening the store: %w", err)
		}
		p.store, p.expired = file, file
	}
	p.onClose("the store", p.store.Close)
	return nil
}

// openQueue opens the queue that the settings name.
func (p *parts) openQueue(ctx context.Context, s *server) error {
	backend, err := s.settings.QueueBackend()
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	switch backend.Scheme {
	case settings.SchemeSQS:
		cfg, err := awsConfig(ctx, backend)
		if err != nil {
			return err
		}
		if p.queue, err = sqs.New(cfg, sqs.Options{
			Queue: backend.Name, Clock: s.clock, Random: s.random, Tally: &p.calls, Logger: s.log,
			ByHand: func() { s.telemetry.FellBack(controller.FallbackRedrive) },
		}); err != nil {
			return fmt.Errorf("opening the queue: %w", err)
		}
	default:
		if p.queue, err = embedded.Open(ctx, s.settings.Path(s.settings.Queue), s.clock, embedded.Options{}, s.log); err != nil {
			return fmt.Errorf("opening the queue: %w", err)
		}
	}
	p.onClose("the queue", p.queue.Close)
	return nil
}

// sweep removes expired rows from the disk until the context ends.
func (p *parts) sweep(ctx context.Context, log *slog.Logger) {
	if p.expired == nil { // the service does it
		return
	}
	const most = 1000
	for p.clock.Sleep(ctx, sweepEvery) == nil {
		for {
			n, err := p.expired.Sweep(ctx, most)
			if err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "removing expired rows", "error", err)
			}
			if err != nil || n < most {
				break
			}
		}
	}
}

// depthQueue is a queue that says how much waits in it.
type depthQueue interface {
	queue.Queue
	Depth(ctx context.Context) (queue.Depth, error)
}
