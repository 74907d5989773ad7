// Package blob is the interface to the store of large objects: logs of runners and machines. Backends are in the folders
// beside this file; blobtest is the suite that each of them passes.
package blob

import (
	"context"
	"errors"
	"io"
	"time"
)

// Info describes an object.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
	// Tag changes whenever other content is stored under the key. It means something to the store that made it only.
	Tag string
}

// Page is part of a listing; Next is empty on the last page.
type Page struct {
	Objects []Info
	Next    string
}

// Store is implemented by each backend. Keys are slash-separated, without empty, "." or ".." segments, at most 1,024
// bytes (Amazon S3 User Guide, "Object key naming").
type Store interface {
	// Put stores an object whole: a reader sees the former object or the new one, never a part.
	Put(ctx context.Context, key string, body io.Reader) (Info, error)
	// PutIf is Put under a condition; ErrChanged says that it does not hold, and that nothing was stored.
	PutIf(ctx context.Context, key string, body io.Reader, c Condition) (Info, error)
	// Get opens an object, or returns ErrNotFound.
	Get(ctx context.Context, key string) (io.ReadCloser, Info, error)
	// GetRange opens a part of an object: length bytes from the offset, fewer if it ends before, all of the rest if the
	// length is 0. Info is that of the whole object. A part that begins at or after the end is ErrRange.
	GetRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, Info, error)
	// Delete removes an object; removing what is absent succeeds.
	Delete(ctx context.Context, key string) error
	// List pages through the objects under a prefix, by key ascending.
	List(ctx context.Context, prefix, cursor string, limit int) (Page, error)
	// Presign returns an address at which whoever has it can read the object with a GET, ranges included, for so long (at
	// most MaxPresign), or ErrNotOffered. Whether there is such an object is not asked.
	Presign(ctx context.Context, key string, life time.Duration) (string, error)
}

// Condition is what must hold of the present object for a new one to take its place.
type Condition struct {
	absent bool
	tag    string
}

// Always always holds.
func Always() Condition { return Condition{} }

// Absent holds when there is no object of that key.
func Absent() Condition { return Condition{absent: true} }

// Unchanged holds when the object is still the one that was described with this tag.
func Unchanged(tag string) Condition { return Condition{tag: tag} }

// Parts returns what a backend needs to express the condition in its own language; neither is set for Always.
func (c Condition) Parts() (absent bool, tag string) { return c.absent, c.tag }

// MaxPresign is the longest life of a presigned address (Amazon S3 User Guide, "Working with presigned URLs").
const MaxPresign = 7 * 24 * time.Hour

// The answers that every backend gives.
var (
	ErrNotFound   = errors.New("no such object")
	ErrKey        = errors.New("invalid object key")
	ErrChanged    = errors.New("the object is not the one that was expected")
	ErrRange      = errors.New("the object has no such part")
	ErrNotOffered = errors.New("the blob store does not offer this")
)
