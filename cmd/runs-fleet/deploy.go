package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/archive"
	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
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
	blob, err := s.BlobBackend()
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	if !store.Shared() && !queue.Shared() && !blob.Shared() {
		return nil, &settings.Error{What: "store, queue and blob are all files, which serve makes by itself: name others with --store dynamodb://TABLE, " +
			"--queue sqs://QUEUE and --blob s3://BUCKET"}
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
	if blob.Shared() {
		lines, err := deployBucket(ctx, blob)
		made = append(made, lines...)
		if err != nil {
			return made, err
		}
	}
	return made, nil
}

// deployBucket makes a bucket whose lifecycle removes what has been kept for its time.
func deployBucket(ctx context.Context, b settings.Backend) ([]string, error) {
	bucket, err := bucketOf(ctx, b, seam.System{}, seam.Crypto{}, nil)
	if err != nil {
		return nil, fmt.Errorf("making the bucket %s: %w", b.Name, err)
	}
	days := s3.Days(archive.KeepFor)
	done, err := bucket.Ensure(ctx, s3.Setup{Expire: []s3.Expiry{{Prefix: archive.Prefix, Days: days}}})
	if err != nil {
		return nil, err
	}
	lines := []string{fmt.Sprintf("The bucket %s is there, in %s.", b.Name, bucket.Region())}
	for _, what := range done.Missing {
		lines = append(lines, "It does without "+what+", which this service does not offer.")
	}
	if !slices.Contains(done.Missing, s3.MissingLifecycle) {
		lines = append(lines, fmt.Sprintf("Logs of machines in it go after %d days.", days))
	}
	return lines, nil
}
