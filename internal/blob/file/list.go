package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/blob"
)

// List implements blob.Store. A cursor is the last key of the page before.
func (s *Store) List(ctx context.Context, prefix, cursor string, limit int) (blob.Page, error) {
	if limit <= 0 || limit > blob.MaxList {
		limit = blob.MaxList
	}
	// One object more than the page tells whether a further page has any.
	l := listing{store: s, prefix: prefix, cursor: cursor, limit: limit + 1}
	if err := l.folder(ctx, objects, ""); err != nil {
		return blob.Page{}, fmt.Errorf("listing objects under %q: %w", prefix, err)
	}
	page := blob.Page{Objects: l.found}
	if len(l.found) > limit {
		page.Objects = l.found[:limit]
		page.Next = page.Objects[limit-1].Key
	}
	return page, nil
}

// listing walks the folders in the order of the keys, and enters only those that can have what it looks for.
type listing struct {
	store          *Store
	prefix, cursor string
	limit          int
	found          []blob.Info
}

func (l *listing) folder(ctx context.Context, place, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := l.entries(place)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if len(l.found) == l.limit {
			return nil
		}
		full := key + segmentOf(entry.Name())
		if entry.IsDir() {
			if l.mayContain(full) {
				if err := l.folder(ctx, path.Join(place, entry.Name()), full); err != nil {
					return err
				}
			}
			continue
		}
		if !strings.HasPrefix(full, l.prefix) || full <= l.cursor {
			continue
		}
		if err := l.object(entry, full); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) object(entry fs.DirEntry, key string) error {
	stat, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err //nolint:wrapcheck // List says what it was doing
	}
	if stat.Mode().IsRegular() {
		l.found = append(l.found, infoOf(key, stat))
	}
	return nil
}

// mayContain says whether a key that begins with this folder can be wanted.
func (l *listing) mayContain(folder string) bool {
	if !strings.HasPrefix(folder, l.prefix) && !strings.HasPrefix(l.prefix, folder) {
		return false
	}
	return folder > l.cursor || strings.HasPrefix(l.cursor, folder)
}

// entries reads a folder in the order of the keys, which differs from that of the names: "a-b" comes before "a/b".
func (l *listing) entries(place string) ([]fs.DirEntry, error) {
	f, err := l.store.root.Open(place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // deleted meanwhile
	}
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(segmentOf(a.Name()), segmentOf(b.Name())) })
	return entries, errors.Join(err, f.Close())
}
