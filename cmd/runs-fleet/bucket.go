package main

import (
	"context"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/blob/s3"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// bucketOf opens the bucket that a setting names. It makes no call.
func bucketOf(ctx context.Context, b settings.Backend, clock seam.Clock, random seam.Random, tally *awsclient.Tally) (*s3.Store, error) {
	cfg, err := awsConfig(ctx, b)
	if err != nil {
		return nil, err
	}
	bucket, err := s3.New(cfg, s3.Options{Bucket: b.Name, Prefix: b.Prefix, Clock: clock, Random: random, Tally: tally})
	if err != nil {
		return nil, fmt.Errorf("opening the blob store: %w", err)
	}
	return bucket, nil
}
