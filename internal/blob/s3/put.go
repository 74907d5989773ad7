package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/blob"
)

// writeMark is the object's metadata that says which write stored it. A write whose answer got lost is repeated, and if the
// repetition meets a condition that no longer holds, the mark tells whether it was this very write that changed it.
const writeMark = "runs-fleet-write"

const markBytes = 12

// checksum is the algorithm by which S3 checks what arrives, and we what comes back. It covers whole objects, also those in
// several parts.
const checksum = types.ChecksumAlgorithmCrc64nvme

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, key string, body io.Reader) (blob.Info, error) {
	return s.PutIf(ctx, key, body, blob.Always())
}

// PutIf implements blob.Store. What fits into one part is sent in one request, anything longer part by part.
func (s *Store) PutIf(ctx context.Context, key string, body io.Reader, c blob.Condition) (blob.Info, error) {
	full, err := s.full(key)
	if err != nil {
		return blob.Info{}, err
	}
	w := write{store: s, key: full, mark: s.random.Token(markBytes), condition: c}
	info, err := w.put(ctx, body)
	info.Key = key
	switch {
	case err == nil:
		return info, nil
	case errors.Is(err, blob.ErrChanged):
		return blob.Info{}, fmt.Errorf("storing object %s: %w", key, blob.ErrChanged)
	default:
		return blob.Info{}, s.fail("storing object "+key, err)
	}
}

// write is one object on its way.
type write struct {
	store     *Store
	key, mark string
	condition blob.Condition
}

func (w write) put(ctx context.Context, body io.Reader) (blob.Info, error) {
	if err := ctx.Err(); err != nil {
		return blob.Info{}, err
	}
	first, ended, err := readPart(ctx, body, make([]byte, 0, 64<<10)) //nolint:mnd // most logs are smaller
	if err != nil {
		return blob.Info{}, err
	}
	if ended {
		return w.whole(ctx, first)
	}
	return w.parts(ctx, first, body)
}

// readPart reads the next part into the buffer, which grows up to a part's size, and says whether the body ended in it.
func readPart(ctx context.Context, body io.Reader, buffer []byte) (part []byte, ended bool, err error) {
	into := bytes.NewBuffer(buffer[:0])
	// One byte more than a part would tell whether the body goes on; a body of exactly one part is sent as two, the second empty.
	n, err := into.ReadFrom(io.LimitReader(reader{ctx, body}, partBytes))
	if err != nil {
		return nil, false, &bodyError{err}
	}
	return into.Bytes(), n < partBytes, nil
}

// bodyError is the error of a body that could not be read.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "reading the body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// reader ends with its context, so that a body which never ends can be given up.
type reader struct {
	ctx  context.Context //nolint:containedctx // lives as long as one call
	body io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.body.Read(p) //nolint:wrapcheck // a reader's errors pass as they are
}

// whole stores a body in one request.
func (w write) whole(ctx context.Context, body []byte) (blob.Info, error) {
	absent, tag := w.condition.Parts()
	in := &s3.PutObjectInput{
		Bucket: &w.store.bucket, Key: &w.key, ContentLength: aws.Int64(int64(len(body))), ChecksumAlgorithm: checksum,
		Metadata: map[string]string{writeMark: w.mark},
	}
	if absent {
		in.IfNoneMatch = aws.String("*")
	} else if tag != "" {
		in.IfMatch = quoted(tag)
	}
	var out *s3.PutObjectOutput
	var answered time.Time
	err := w.store.call(ctx, sendDeadline, func(ctx context.Context) (err error) {
		in.Body = bytes.NewReader(body)
		out, err = w.store.client.PutObject(ctx, in)
		answered = w.store.clock.Now()
		return err //nolint:wrapcheck // PutIf says what it was doing
	})
	if err != nil {
		return w.refused(ctx, err)
	}
	return blob.Info{Size: int64(len(body)), Modified: answered.Truncate(time.Second), Tag: tagOf(out.ETag)}, nil
}

// refused looks at a write that S3 did not make. If its condition does not hold, or it is no longer there to be completed,
// an attempt of its own whose answer got lost may be the reason.
func (w write) refused(ctx context.Context, err error) (blob.Info, error) {
	absent, tag := w.condition.Parts()
	conditional := absent || tag != ""
	inTheWay := awsclient.IsCode(err, codePrecondition, codeNoSuchUpload) || conditional && awsclient.IsCode(err, codeNoSuchKey, codeConflict)
	if !inTheWay {
		return blob.Info{}, err
	}
	var present *s3.HeadObjectOutput
	headErr := w.store.call(ctx, callDeadline, func(ctx context.Context) (err error) {
		present, err = w.store.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &w.store.bucket, Key: &w.key})
		return err //nolint:wrapcheck // PutIf says what it was doing
	})
	_, status := awsclient.CodeOf(headErr)
	switch {
	case headErr == nil && present.Metadata[writeMark] == w.mark:
		return blob.Info{
			Size: aws.ToInt64(present.ContentLength), Modified: aws.ToTime(present.LastModified).UTC(), Tag: tagOf(present.ETag),
		}, nil
	case headErr != nil && status != http.StatusNotFound:
		return blob.Info{}, errors.Join(err, headErr)
	case awsclient.IsCode(err, codeNoSuchUpload):
		return blob.Info{}, err
	default:
		return blob.Info{}, blob.ErrChanged
	}
}
