package main

import (
	"context"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/queue/sqs"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
	"github.com/runs-fleet/runs-fleet/internal/store/dynamodb"
)

// deploy makes the table and the queues that the settings name. It says what it made even if the rest failed.
func deploy(ctx context.Context, s settings.Settings) (made []string, err error) {
	store, err := s.StoreBackend()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	queue, err := s.QueueBackend()
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	if !store.Shared() && !queue.Shared() {
		return nil, &settings.Error{What: "store and queue are both files, which serve makes by itself: name others with --store dynamodb://TABLE and --queue sqs://QUEUE"}
	}
	if store.Shared() {
		cfg, err := awsConfig(ctx, store)
		if err != nil {
			return nil, err
		}
		table, err := dynamodb.New(cfg, dynamodb.Options{Table: store.Name, Clock: seam.System{}, Random: seam.Crypto{}})
		if err != nil {
			return nil, fmt.Errorf("making the table %s: %w", store.Name, err)
		}
		if err := table.Ensure(ctx); err != nil {
			return nil, fmt.Errorf("making the table %s: %w", store.Name, err)
		}
		made = append(made, "The table "+store.Name+" is there, in "+cfg.Region+".")
	}
	if queue.Shared() {
		cfg, err := awsConfig(ctx, queue)
		if err != nil {
			return made, err
		}
		q, err := sqs.New(cfg, sqs.Options{Queue: queue.Name, Clock: seam.System{}, Random: seam.Crypto{}})
		if err != nil {
			return made, fmt.Errorf("making the queue %s: %w", queue.Name, err)
		}
		if err := q.Ensure(ctx); err != nil {
			return made, fmt.Errorf("making the queue %s: %w", queue.Name, err)
		}
		made = append(made, "The queue "+queue.Name+" and its dead letters are there, in "+cfg.Region+".")
	}
	return made, nil
}
