package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/blob"
)

// upload is a multipart upload that has begun.
type upload struct {
	write
	id    *string
	parts []types.CompletedPart
	size  int64
}

// parts stores a body part by part: one part is in memory at a time. An upload that fails is aborted; one whose abort gets
// lost, or whose process dies, is left to the bucket's lifecycle.
func (w write) parts(ctx context.Context, first []byte, body io.Reader) (blob.Info, error) {
	u := upload{write: w}
	if err := u.begin(ctx); err != nil {
		return blob.Info{}, err
	}
	info, err := u.run(ctx, first, body)
	if err != nil {
		return blob.Info{}, errors.Join(err, u.abort(ctx))
	}
	return info, nil
}

// begin asks for an upload. A repetition after a lost answer leaves the first one behind, empty, for the lifecycle.
func (u *upload) begin(ctx context.Context) error {
	return u.store.call(ctx, callDeadline, func(ctx context.Context) error {
		out, err := u.store.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &u.store.bucket, Key: &u.key, Metadata: map[string]string{writeMark: u.mark},
			ChecksumAlgorithm: checksum, ChecksumType: types.ChecksumTypeFullObject,
		})
		if err == nil {
			u.id = out.UploadId
		}
		return err //nolint:wrapcheck // PutIf says what it was doing
	})
}

func (u *upload) run(ctx context.Context, part []byte, body io.Reader) (blob.Info, error) {
	ended := false
	for {
		if err := u.send(ctx, part); err != nil {
			return blob.Info{}, err
		}
		if ended {
			return u.complete(ctx)
		}
		if len(u.parts) == maxParts {
			return blob.Info{}, fmt.Errorf("the body is longer than %d bytes, the most that an object of this store can have", int64(MaxBytes))
		}
		var err error
		if part, ended, err = readPart(ctx, body, part); err != nil {
			return blob.Info{}, err
		}
		if ended && len(part) == 0 {
			return u.complete(ctx)
		}
	}
}

func (u *upload) send(ctx context.Context, part []byte) error {
	number := aws.Int32(int32(len(u.parts) + 1))
	var out *s3.UploadPartOutput
	err := u.store.call(ctx, sendDeadline, func(ctx context.Context) (err error) {
		out, err = u.store.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &u.store.bucket, Key: &u.key, UploadId: u.id, PartNumber: number, Body: bytes.NewReader(part),
			ContentLength: aws.Int64(int64(len(part))), ChecksumAlgorithm: checksum,
		})
		return err //nolint:wrapcheck // PutIf says what it was doing
	})
	if err != nil {
		return err
	}
	u.parts = append(u.parts, types.CompletedPart{PartNumber: number, ETag: out.ETag, ChecksumCRC64NVME: out.ChecksumCRC64NVME})
	u.size += int64(len(part))
	return nil
}

func (u *upload) complete(ctx context.Context) (blob.Info, error) {
	absent, tag := u.condition.Parts()
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &u.store.bucket, Key: &u.key, UploadId: u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
		ChecksumType: types.ChecksumTypeFullObject,
	}
	if absent {
		in.IfNoneMatch = aws.String("*")
	} else if tag != "" {
		in.IfMatch = quoted(tag)
	}
	var out *s3.CompleteMultipartUploadOutput
	var answered time.Time
	err := u.store.call(ctx, sendDeadline, func(ctx context.Context) (err error) { // S3 may take minutes for many parts
		out, err = u.store.client.CompleteMultipartUpload(ctx, in)
		answered = u.store.clock.Now()
		return err //nolint:wrapcheck // PutIf says what it was doing
	})
	if err != nil {
		return u.refused(ctx, err)
	}
	return blob.Info{Size: u.size, Modified: answered.Truncate(time.Second), Tag: tagOf(out.ETag)}, nil
}

// abort gives the parts up, also when the caller's context has ended.
func (u *upload) abort(ctx context.Context) error {
	err := u.store.call(context.WithoutCancel(ctx), callDeadline, func(ctx context.Context) error {
		_, err := u.store.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &u.store.bucket, Key: &u.key, UploadId: u.id,
		})
		return err //nolint:wrapcheck // said below
	})
	if err == nil || awsclient.IsCode(err, codeNoSuchUpload) {
		return nil
	}
	return fmt.Errorf("giving up the parts that were stored (the bucket's lifecycle removes them): %w", err)
}
