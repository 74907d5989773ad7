package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/runs-fleet/runs-fleet/internal/blob"
)

// Presign implements blob.Store. The address also ends with the credentials that signed it: those of a role live for hours
// at most.
func (s *Store) Presign(ctx context.Context, key string, life time.Duration) (string, error) {
	full, err := s.full(key)
	if err != nil {
		return "", err
	}
	if life < time.Second || life > blob.MaxPresign {
		return "", fmt.Errorf("signing an address of object %s: a life of %s is not between a second and %s", key, life, blob.MaxPresign)
	}
	ctx, cancel := s.clock.WithTimeout(ctx, callDeadline) // the credentials may have to be fetched
	defer cancel()
	signed, err := s.signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &full}, s3.WithPresignExpires(life))
	if err != nil {
		return "", s.fail("signing an address of object "+key, err)
	}
	return signed.URL, nil
}
