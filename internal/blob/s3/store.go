// Package s3 keeps large objects in a bucket of Amazon S3 or of what speaks its protocol: the backend of a control plane
// of several replicas. docs/decisions/0011-s3.md says what it relies on.
package s3

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/blob"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// Options of a Store. Bucket, Clock and Random are required.
type Options struct {
	Bucket string
	// Prefix is put before every key, with a slash between; empty for none. It counts against the limit of a key.
	Prefix string
	Clock  seam.Clock
	Random seam.Random
	// Tally counts the calls; nil for none.
	Tally *awsclient.Tally
}

// Deadlines of attempts, and the size of parts.
const (
	callDeadline = 10 * time.Second // of calls that carry no body
	// sendDeadline is of one request with a body of at most partBytes: at 70 kB/s it is just enough.
	sendDeadline = 2 * time.Minute
	// stallDeadline is how long a body that is read may stand still.
	stallDeadline = 20 * time.Second
	// partBytes is the most that one request carries. S3 wants at least 5 MiB in each part but the last, and takes 10,000
	// parts (Amazon S3 User Guide, "Multipart upload limits").
	partBytes = 8 << 20
	maxParts  = 10_000
)

// MaxBytes is the largest object, 78 GiB.
const MaxBytes = partBytes * maxParts

// Store implements blob.Store.
type Store struct {
	client *s3.Client
	signer *s3.PresignClient
	bucket string
	prefix string // empty, or with its slash
	region string
	clock  seam.Clock
	random seam.Random
}

var _ blob.Store = (*Store)(nil)

// New returns the store of a bucket. It makes no call. The configuration has the region, the credentials and perhaps an
// endpoint; its own retries are switched off in favour of those of this package.
func New(cfg aws.Config, o Options) (*Store, error) {
	switch {
	case o.Bucket == "":
		return nil, errors.New("a blob store in S3 needs the name of a bucket: write s3://BUCKET or s3://BUCKET/PREFIX")
	case o.Clock == nil || o.Random == nil:
		return nil, errors.New("a blob store in S3 needs a clock and a source of randomness")
	case cfg.Region == "":
		return nil, errors.New("no AWS region is configured: set AWS_REGION to the region of the bucket " + o.Bucket)
	}
	prefix := strings.Trim(o.Prefix, "/")
	if prefix != "" {
		if err := blob.CheckKey(prefix); err != nil {
			return nil, fmt.Errorf("the prefix of the bucket %s: %w", o.Bucket, err)
		}
		prefix += "/"
	}
	cfg = o.Tally.Install(cfg)
	cfg.HTTPClient = awsclient.WholeBodies(cfg.HTTPClient)
	client := s3.NewFromConfig(cfg, func(to *s3.Options) {
		to.Retryer = aws.NopRetryer{}
		// A service at an address of its own mostly has no name for each bucket, so there the bucket is in the path.
		to.UsePathStyle = to.BaseEndpoint != nil
		to.DisableLogOutputChecksumValidationSkipped = true
	})
	return &Store{
		client: client, signer: s3.NewPresignClient(client), bucket: o.Bucket, prefix: prefix, region: cfg.Region,
		clock: o.Clock, random: o.Random,
	}, nil
}

// Region is where the bucket is said to be.
func (s *Store) Region() string { return s.region }

// full checks a key and returns it with the prefix.
func (s *Store) full(key string) (string, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	if n := len(s.prefix) + len(key); n > blob.MaxKeyBytes {
		return "", fmt.Errorf("%w: %d bytes with the prefix %s, over the limit of %d", blob.ErrKey, n, s.prefix, blob.MaxKeyBytes)
	}
	return s.prefix + key, nil
}

// tagOf is an object's tag without the quotes of HTTP.
func tagOf(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// quoted is a tag as a condition of HTTP has it.
func quoted(tag string) *string { return aws.String(`"` + tag + `"`) }
