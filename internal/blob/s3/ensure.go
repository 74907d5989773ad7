package s3

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
)

// Expiry is a rule of the bucket's lifecycle: objects under a prefix go some days after they were stored. S3 removes them
// within a day or two of that.
type Expiry struct {
	Prefix string // of keys, below the store's own
	Days   int
}

// Setup is what Ensure makes of a bucket beside what it always makes.
type Setup struct {
	Expire []Expiry
}

// MissingLifecycle is what Ensured names when nothing in the bucket goes by itself.
const MissingLifecycle = "lifecycle"

// Ensured is what Ensure did.
type Ensured struct {
	Created bool
	// Missing names what the service does not offer, so that the bucket does without.
	Missing []string
}

// abandonDays is after how many days S3 removes the parts of an upload that nobody completed.
const abandonDays = 1

// Ensure makes a bucket for development, or completes it: private, without the parts of abandoned uploads, with the
// expiry of the set-up. In production a template makes it.
func (s *Store) Ensure(ctx context.Context, setup Setup) (Ensured, error) {
	var done Ensured
	var err error
	if done.Created, err = s.create(ctx); err != nil {
		return done, s.fail("making the bucket "+s.bucket, err)
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"blocking public access", s.blockPublic},
		{MissingLifecycle, func(ctx context.Context) error { return s.lifecycle(ctx, setup) }},
	} {
		err := step.do(ctx)
		switch {
		case awsclient.IsCode(err, codeNotImplemented, "MethodNotAllowed"):
			done.Missing = append(done.Missing, step.what)
		case err != nil:
			return done, s.fail(fmt.Sprintf("setting up the bucket %s (%s)", s.bucket, step.what), err)
		}
	}
	return done, nil
}

func (s *Store) create(ctx context.Context) (bool, error) {
	err := s.call(ctx, callDeadline, func(ctx context.Context) error {
		_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
		return err //nolint:wrapcheck // Ensure says what it was doing
	})
	if err == nil || !notFound(err) {
		return false, err
	}
	in := &s3.CreateBucketInput{Bucket: &s.bucket}
	if s.region != "us-east-1" { // the one region that has no name here
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(s.region)}
	}
	err = s.call(ctx, callDeadline, func(ctx context.Context) error {
		_, err := s.client.CreateBucket(ctx, in)
		return err //nolint:wrapcheck // Ensure says what it was doing
	})
	if awsclient.IsCode(err, "BucketAlreadyOwnedByYou") { // by a replica, or by an attempt whose answer got lost
		return true, nil
	}
	return err == nil, err
}

func (s *Store) blockPublic(ctx context.Context) error {
	yes := aws.Bool(true)
	return s.call(ctx, callDeadline, func(ctx context.Context) error {
		_, err := s.client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
			Bucket: &s.bucket,
			PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
				BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes,
			},
		})
		return err //nolint:wrapcheck // Ensure says what it was doing
	})
}

// ruleName begins the names of this store's rules of the lifecycle; other rules of the bucket are left as they are.
func (s *Store) ruleName(what string) string { return "runs-fleet " + s.prefix + ": " + what }

func (s *Store) lifecycle(ctx context.Context, setup Setup) error {
	var present *s3.GetBucketLifecycleConfigurationOutput
	err := s.call(ctx, callDeadline, func(ctx context.Context) (err error) {
		present, err = s.client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &s.bucket})
		return err //nolint:wrapcheck // Ensure says what it was doing
	})
	var rules []types.LifecycleRule
	switch {
	case awsclient.IsCode(err, "NoSuchLifecycleConfiguration"):
	case err != nil:
		return err
	default:
		for _, r := range present.Rules {
			if !strings.HasPrefix(aws.ToString(r.ID), s.ruleName("")) {
				rules = append(rules, r)
			}
		}
	}
	return s.call(ctx, callDeadline, func(ctx context.Context) error {
		_, err := s.client.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
			Bucket:                 &s.bucket,
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: append(rules, s.rules(setup)...)},
		})
		return err //nolint:wrapcheck // Ensure says what it was doing
	})
}

func (s *Store) rules(setup Setup) []types.LifecycleRule {
	under := func(prefix string) *types.LifecycleRuleFilter {
		return &types.LifecycleRuleFilter{Prefix: aws.String(s.prefix + prefix)}
	}
	rules := []types.LifecycleRule{{
		ID: aws.String(s.ruleName("abandoned uploads")), Status: types.ExpirationStatusEnabled, Filter: under(""),
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(abandonDays)},
	}}
	for _, e := range setup.Expire {
		rules = append(rules, types.LifecycleRule{
			ID: aws.String(s.ruleName("expiry of " + e.Prefix)), Status: types.ExpirationStatusEnabled, Filter: under(e.Prefix),
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(int32(e.Days))},
		})
	}
	return rules
}

// Days is a time in whole days, as a lifecycle counts: rounded up, at least one.
func Days(d time.Duration) int {
	const day = 24 * time.Hour
	return max(int((d+day-1)/day), 1)
}
