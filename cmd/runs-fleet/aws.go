package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/settings"
)

// awsConfig reads region, credentials and endpoints as every program on AWS's SDK does.
func awsConfig(ctx context.Context, b settings.Backend) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(awsclient.Buildable())}
	if b.Region != "" {
		options = append(options, config.WithRegion(b.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("reading the settings of AWS's SDK: %w", err)
	}
	if cfg.Region == "" {
		return aws.Config{}, &settings.Error{What: "no region is known for " + b.Scheme + b.Name + ": add ?region=REGION to it, or set AWS_REGION"}
	}
	return cfg, nil
}
