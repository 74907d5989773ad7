package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/blob"
)

// Get implements blob.Store.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, blob.Info, error) {
	f, info, err := s.open(ctx, key)
	if err != nil {
		return nil, blob.Info{}, err
	}
	return f, info, nil
}

// GetRange implements blob.Store.
func (s *Store) GetRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, blob.Info, error) {
	if err := blob.CheckRange(offset, length); err != nil {
		return nil, blob.Info{}, err
	}
	f, info, err := s.open(ctx, key)
	if err != nil {
		return nil, blob.Info{}, err
	}
	if offset >= info.Size {
		return nil, blob.Info{}, errors.Join(fmt.Errorf("%w: byte %d of %d", blob.ErrRange, offset, info.Size), f.Close())
	}
	if length == 0 {
		length = info.Size - offset
	}
	return section{io.NewSectionReader(f, offset, length), f}, info, nil
}

// section is a part of a file, which closing it closes.
type section struct {
	io.Reader
	io.Closer
}

func (s *Store) open(ctx context.Context, key string) (*os.File, blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, blob.Info{}, err
	}
	if err := ctx.Err(); err != nil {
		return nil, blob.Info{}, fmt.Errorf("reading object %s: %w", key, err)
	}
	f, err := s.root.Open(placeOf(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.Info{}, blob.ErrNotFound
	}
	if err != nil {
		return nil, blob.Info{}, fmt.Errorf("reading object %s: %w", key, err)
	}
	stat, err := f.Stat()
	if err != nil {
		return nil, blob.Info{}, errors.Join(fmt.Errorf("reading object %s: %w", key, err), f.Close())
	}
	return f, infoOf(key, stat), nil
}

func infoOf(key string, stat fs.FileInfo) blob.Info {
	modified := stat.ModTime().UTC()
	return blob.Info{Key: key, Size: stat.Size(), Modified: modified, Tag: tagOf(stat.Size(), modified)}
}

// Presign implements blob.Store: files have no address that anyone could ask.
func (s *Store) Presign(_ context.Context, key string, _ time.Duration) (string, error) {
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	return "", fmt.Errorf("%w: objects in files have no address, so read them through the server", blob.ErrNotOffered)
}
