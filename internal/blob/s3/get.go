package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/blob"
)

// Get implements blob.Store. A body that breaks off is taken up where it ended, as long as the object is still the same.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, blob.Info, error) {
	return s.get(ctx, key, "")
}

// GetRange implements blob.Store.
func (s *Store) GetRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, blob.Info, error) {
	if err := blob.CheckRange(offset, length); err != nil {
		return nil, blob.Info{}, err
	}
	part := fmt.Sprintf("bytes=%d-", offset)
	if length > 0 {
		part += strconv.FormatInt(offset+length-1, 10)
	}
	return s.get(ctx, key, part)
}

func (s *Store) get(ctx context.Context, key, part string) (io.ReadCloser, blob.Info, error) {
	full, err := s.full(key)
	if err != nil {
		return nil, blob.Info{}, err
	}
	doing := "reading object " + key
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: &full}
	if part == "" {
		in.ChecksumMode = types.ChecksumModeEnabled // of the whole object, so a part cannot be checked
	} else {
		in.Range = &part
	}
	out, cancel, err := s.begin(ctx, in)
	switch {
	case awsclient.IsCode(err, codeNoSuchKey, codeNotFound):
		return nil, blob.Info{}, blob.ErrNotFound
	case awsclient.IsCode(err, codeInvalidRange):
		return nil, blob.Info{}, fmt.Errorf("%s: %w: %s", doing, blob.ErrRange, part)
	case err != nil:
		return nil, blob.Info{}, s.fail(doing, err)
	}
	info := blob.Info{Key: key, Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified).UTC(), Tag: tagOf(out.ETag)}
	b := &body{
		store: s, ctx: ctx, doing: doing, key: full, tag: info.Tag, current: out.Body, cancel: cancel,
		end: aws.ToInt64(out.ContentLength),
	}
	if part != "" {
		b.at, b.end, info.Size, err = contentRange(aws.ToString(out.ContentRange))
		if err != nil {
			return nil, blob.Info{}, errors.Join(s.fail(doing, err), b.Close())
		}
	}
	return b, info, nil
}

// begin asks for an object. The deadline ends with the answer's head; the context of the body lives until it is cancelled.
func (s *Store) begin(ctx context.Context, in *s3.GetObjectInput) (out *s3.GetObjectOutput, cancel context.CancelFunc, err error) {
	err = s.call(ctx, callDeadline, func(deadline context.Context) error {
		lasting, end := context.WithCancel(ctx)
		release := context.AfterFunc(deadline, end)
		out, err = s.client.GetObject(lasting, in)
		if err != nil {
			end()
			return errors.Join(deadline.Err(), err)
		}
		if !release() { // in the last moment
			return errors.Join(deadline.Err(), out.Body.Close())
		}
		cancel = end
		return nil
	})
	return out, cancel, err //nolint:wrapcheck // the caller says what it was doing
}

// contentRange reads "bytes 2-4/10": the first byte, the one after the last, and the size of the whole.
func contentRange(header string) (from, to, size int64, err error) {
	var last int64
	if _, err := fmt.Sscanf(header, "bytes %d-%d/%d", &from, &last, &size); err != nil || from > last || last >= size {
		return 0, 0, 0, fmt.Errorf("the answer's Content-Range is %q", header)
	}
	return from, last + 1, size, nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	full, err := s.full(key)
	if err != nil {
		return err
	}
	err = s.call(ctx, callDeadline, func(ctx context.Context) error {
		_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &full})
		return err //nolint:wrapcheck // said below
	})
	if awsclient.IsCode(err, codeNoSuchKey) { // some services say so
		return nil
	}
	return s.fail("deleting object "+key, err)
}

// List implements blob.Store. A cursor is the last key of the page before.
func (s *Store) List(ctx context.Context, prefix, cursor string, limit int) (blob.Page, error) {
	if limit <= 0 || limit > blob.MaxList {
		limit = blob.MaxList
	}
	in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String(s.prefix + prefix), MaxKeys: aws.Int32(int32(limit))}
	if cursor != "" {
		in.StartAfter = aws.String(s.prefix + cursor)
	}
	var out *s3.ListObjectsV2Output
	err := s.call(ctx, callDeadline, func(ctx context.Context) (err error) {
		out, err = s.client.ListObjectsV2(ctx, in)
		return err //nolint:wrapcheck // said below
	})
	if err != nil {
		return blob.Page{}, s.fail(fmt.Sprintf("listing objects under %q", prefix), err)
	}
	var page blob.Page
	for _, o := range out.Contents {
		page.Objects = append(page.Objects, blob.Info{
			Key: strings.TrimPrefix(aws.ToString(o.Key), s.prefix), Size: aws.ToInt64(o.Size),
			Modified: aws.ToTime(o.LastModified).UTC(), Tag: tagOf(o.ETag),
		})
	}
	if aws.ToBool(out.IsTruncated) && len(page.Objects) > 0 {
		page.Next = page.Objects[len(page.Objects)-1].Key
	}
	return page, nil
}
