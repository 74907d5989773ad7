package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/runs-fleet/runs-fleet/internal/awsclient"
	"github.com/runs-fleet/runs-fleet/internal/blob"
)

// body is an object that is being read. A connection that is cut, or stands still for too long, is replaced by another that
// goes on where it ended; the object must still be the one that was opened.
type body struct {
	store    *Store
	ctx      context.Context //nolint:containedctx // of the reader, as io.Reader has none
	doing    string
	key, tag string

	current io.ReadCloser
	cancel  context.CancelFunc
	at, end int64 // the next byte, and the one after the last
	resumed int   // since the last byte
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for {
		n, err := b.once(p)
		b.at += int64(n)
		if n > 0 {
			b.resumed = 0
		}
		switch {
		case err == nil || n > 0 && !errors.Is(err, io.EOF):
			return n, nil // what broke off shows at the next read
		case errors.Is(err, io.EOF) && b.at == b.end:
			return n, io.EOF
		case n > 0:
			return n, nil
		case b.ctx.Err() != nil:
			return 0, fmt.Errorf("%s: %w", b.doing, b.ctx.Err())
		}
		if b.at == b.end || b.resumed+1 >= attempts { // at the end only a checksum can be wrong
			return 0, b.store.fail(b.doing, err)
		}
		if err := b.resume(); err != nil {
			return 0, err
		}
	}
}

// once reads from the present connection, for as long as a body may stand still.
func (b *body) once(p []byte) (int, error) {
	deadline, done := b.store.clock.WithTimeout(b.ctx, stallDeadline)
	defer done()
	release := context.AfterFunc(deadline, b.cancel)
	defer release()
	n, err := b.current.Read(p)
	if err != nil && deadline.Err() != nil {
		err = errors.Join(deadline.Err(), err)
	}
	return n, err
}

func (b *body) resume() error {
	if err := b.store.clock.Sleep(b.ctx, b.store.pause(b.resumed)); err != nil {
		return fmt.Errorf("%s: %w", b.doing, err)
	}
	b.resumed++
	b.cancel()
	_ = b.current.Close() // it has failed already
	part := fmt.Sprintf("bytes=%d-%d", b.at, b.end-1)
	out, cancel, err := b.store.begin(b.ctx, &s3.GetObjectInput{
		Bucket: &b.store.bucket, Key: &b.key, Range: &part, IfMatch: quoted(b.tag),
	})
	if err != nil {
		b.current, b.cancel = io.NopCloser(failing{err}), func() {}
		if awsclient.IsCode(err, codePrecondition) || notFound(err) {
			return fmt.Errorf("%s: it was replaced before it was read to its end: %w", b.doing, blob.ErrChanged)
		}
		return b.store.fail(b.doing, err)
	}
	b.current, b.cancel = out.Body, cancel
	return nil
}

// failing is a body that could not be opened again.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Close implements io.Closer.
func (b *body) Close() error {
	b.cancel()
	_ = b.current.Close() // what is left of the body is not wanted, whatever becomes of it
	return nil
}
