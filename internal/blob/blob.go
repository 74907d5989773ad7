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
	// Get opens an object, or returns ErrNotFound.
	Get(ctx context.Context, key string) (io.ReadCloser, Info, error)
	// Delete removes an object; removing what is absent succeeds.
	Delete(ctx context.Context, key string) error
	// List pages through the objects under a prefix, by key ascending.
	List(ctx context.Context, prefix, cursor string, limit int) (Page, error)
}

// ErrNotFound is returned by Get.
var ErrNotFound = errors.New("no such object")

// ErrKey wraps a key that is not allowed.
var ErrKey = errors.New("invalid object key")
