package ingress

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

const (
	defaultBuffer = 128 << 20 // five of the largest bodies, or ten thousand usual ones
	firstBuffer   = 16 << 10  // a usual body has about 10 KB
	pooledBuffer  = 1 << 20   // a larger one is not kept
)

var (
	errTooLarge = errors.New("body over the limit")
	errNoRoom   = errors.New("no memory for another body")
)

// bodies reads request bodies into reused memory, of which there is only so much: without a signature checked yet,
// anybody may send.
type bodies struct {
	limit int64
	used  atomic.Int64
	pool  sync.Pool
}

func newBodies(limit int64) *bodies {
	if limit == 0 {
		limit = defaultBuffer
	}
	return &bodies{limit: limit, pool: sync.Pool{New: func() any { return &body{buffer: make([]byte, firstBuffer)} }}}
}

// body is one request's body.
type body struct {
	owner  *bodies
	buffer []byte
	bytes  []byte // the part of buffer that is the body
}

// read takes the body in. The caller releases it.
func (b *bodies) read(r *http.Request) (*body, error) {
	if r.ContentLength > MaxBodyBytes {
		return nil, errTooLarge
	}
	one := b.pool.Get().(*body) //nolint:forcetypeassert // the pool holds nothing else
	one.owner = b
	if b.used.Add(int64(len(one.buffer))) > b.limit {
		one.release()
		return nil, errNoRoom
	}
	// The length that is announced is not taken for granted: memory grows with what really comes.
	length := 0
	for {
		if length == len(one.buffer) {
			if err := one.grow(); err != nil {
				one.release()
				return nil, err
			}
		}
		n, err := r.Body.Read(one.buffer[length:])
		length += n
		if length > MaxBodyBytes {
			one.release()
			return nil, errTooLarge
		}
		if errors.Is(err, io.EOF) {
			one.bytes = one.buffer[:length]
			return one, nil
		}
		if err != nil {
			one.release()
			return nil, fmt.Errorf("reading a delivery: %w", err)
		}
	}
}

// grow doubles the buffer, up to just over the limit, so that one byte too many can still be seen.
func (b *body) grow() error {
	size := min(len(b.buffer)*2, MaxBodyBytes+1) //nolint:mnd // doubling
	more := int64(size - len(b.buffer))
	if b.owner.used.Add(more) > b.owner.limit {
		b.owner.used.Add(-more)
		return errNoRoom
	}
	larger := make([]byte, size)
	copy(larger, b.buffer)
	b.buffer = larger
	return nil
}

// release gives the memory back.
func (b *body) release() {
	b.owner.used.Add(-int64(len(b.buffer)))
	b.bytes = nil
	if len(b.buffer) <= pooledBuffer {
		b.owner.pool.Put(b)
	}
}
