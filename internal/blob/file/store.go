// Package file keeps large objects as files in a folder: the backend of a control plane on one machine. What Put has
// answered survives a power cut, and no key or link leads out of the folder.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/blob"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// The two folders of a store: objects under their names, and what is being written.
const (
	objects = "objects"
	partial = "partial"
)

// Store implements blob.Store.
type Store struct {
	clock seam.Clock
	root  *os.Root

	written atomic.Uint64 // numbers the files of the folder for partial ones
	latest  atomic.Int64  // the latest time of an object, in microseconds since 1970

	// tree keeps the removal of an empty folder away from the making of a file in it, and other writers away between the
	// check of a condition and the write.
	tree sync.Mutex
}

var _ blob.Store = (*Store)(nil)

// Open opens the store in dir, which is made if need be. One process may use it at a time: what another was still writing
// is removed as left over.
func Open(dir string, clock seam.Clock) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the blob store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the blob store: %w", err)
	}
	s := &Store{clock: clock, root: root}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the blob store in %s: %w", dir, err), root.Close())
	}
	return s, nil
}

func (s *Store) prepare() error {
	if err := s.root.RemoveAll(partial); err != nil {
		return err
	}
	for _, folder := range []string{objects, partial} {
		if err := s.root.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	return s.syncFolder(".")
}

// Close releases the folder. Objects that are being read stay readable.
func (s *Store) Close() error {
	if err := s.root.Close(); err != nil {
		return fmt.Errorf("closing the blob store: %w", err)
	}
	return nil
}

// Put implements blob.Store. The object is written beside its place, made durable, and then renamed.
func (s *Store) Put(ctx context.Context, key string, body io.Reader) (blob.Info, error) {
	return s.PutIf(ctx, key, body, blob.Always())
}

// PutIf implements blob.Store.
func (s *Store) PutIf(ctx context.Context, key string, body io.Reader, c blob.Condition) (blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Info{}, err
	}
	info, err := s.put(ctx, key, body, c)
	if err != nil {
		return blob.Info{}, fmt.Errorf("storing object %s: %w", key, err)
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, key string, body io.Reader, c blob.Condition) (blob.Info, error) {
	if err := s.check(key, c); err != nil {
		return blob.Info{}, err // before the body is read, which may be long
	}
	temporary := path.Join(partial, strconv.FormatUint(s.written.Add(1), 10))
	modified := s.stamp()
	size, err := s.writePartial(ctx, temporary, body, modified)
	if err != nil {
		return blob.Info{}, errors.Join(err, ignoreAbsent(s.root.Remove(temporary)))
	}
	if err := s.publish(temporary, key, c); err != nil {
		return blob.Info{}, errors.Join(err, ignoreAbsent(s.root.Remove(temporary)))
	}
	return blob.Info{Key: key, Size: size, Modified: modified, Tag: tagOf(size, modified)}, nil
}

// stamp is the time of a new object, which no other object of this process has: it tells objects of one size apart.
func (s *Store) stamp() time.Time {
	for {
		latest := s.latest.Load()
		stamp := max(s.clock.Now().UnixMicro(), latest+1)
		if s.latest.CompareAndSwap(latest, stamp) {
			return time.UnixMicro(stamp).UTC()
		}
	}
}

func tagOf(size int64, modified time.Time) string {
	return strconv.FormatInt(modified.UnixMicro(), 36) + "-" + strconv.FormatInt(size, 36)
}

// check returns blob.ErrChanged if the condition does not hold of the present object.
func (s *Store) check(key string, c blob.Condition) error {
	absent, tag := c.Parts()
	if !absent && tag == "" {
		return nil
	}
	stat, err := s.root.Stat(placeOf(key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if absent {
			return nil
		}
		return blob.ErrChanged
	case err != nil:
		return err
	case absent || infoOf(key, stat).Tag != tag:
		return blob.ErrChanged
	default:
		return nil
	}
}

func (s *Store) writePartial(ctx context.Context, name string, body io.Reader, modified time.Time) (size int64, err error) {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if size, err = io.Copy(f, reader{ctx: ctx, Reader: body}); err != nil {
		return 0, err //nolint:wrapcheck // Put says what it was doing
	}
	if err := s.root.Chtimes(name, modified, modified); err != nil {
		return 0, err
	}
	return size, f.Sync()
}

// publish gives the file its name, and makes that and the folders above it durable.
func (s *Store) publish(temporary, key string, c blob.Condition) error {
	place := placeOf(key)
	if err := s.move(temporary, key, c); err != nil {
		return err
	}
	for folder := path.Dir(place); ; folder = path.Dir(folder) {
		if err := s.syncFolder(folder); err != nil && !errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
			return err
		}
		if folder == objects {
			return nil
		}
	}
}

func (s *Store) move(temporary, key string, c blob.Condition) error {
	s.tree.Lock()
	defer s.tree.Unlock()
	if err := s.check(key, c); err != nil {
		return err
	}
	place := placeOf(key)
	if err := s.root.MkdirAll(path.Dir(place), 0o700); err != nil {
		return err
	}
	return s.root.Rename(temporary, place)
}

func (s *Store) syncFolder(name string) error {
	f, err := s.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Delete implements blob.Store. Folders that become empty go too.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("deleting object %s: %w", key, err)
	}
	s.tree.Lock()
	defer s.tree.Unlock()
	place := placeOf(key)
	if err := s.root.Remove(place); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("deleting object %s: %w", key, err)
	}
	for folder := path.Dir(place); folder != objects; folder = path.Dir(folder) {
		if s.root.Remove(folder) != nil { // it has other objects
			break
		}
	}
	return nil
}

// reader ends with its context, so that a body which never ends can be given up.
type reader struct {
	io.Reader
	ctx context.Context //nolint:containedctx // lives as long as one call
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p) //nolint:wrapcheck // a reader's errors pass as they are
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
