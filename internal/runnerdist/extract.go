package runnerdist

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// The bounds of an archive; official ones hold about 10,000 entries and 700 MB.
const (
	maxEntries  = 200_000
	maxUnpacked = 8 << 30
)

// errUnsafe says that an archive holds what no runner has.
var errUnsafe = errors.New("the archive is unsafe")

// extract unpacks a tar.gz below folder. Whatever would reach out of it, a device included, ends the extraction: checks
// of the names give the reason, and os.Root holds even where they should be wrong (failure mode I8).
func extract(ctx context.Context, archive io.Reader, folder string) (err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("opening the folder: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	compressed, err := gzip.NewReader(archive)
	if err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	x := extraction{root: root, left: maxUnpacked}
	entries := tar.NewReader(compressed)
	for n := 0; ; n++ {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return x.checkLinks()
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if n >= maxEntries {
			return fmt.Errorf("%w: over %d entries", errUnsafe, maxEntries)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("unpacking: %w", err)
		}
		if err := x.entry(header, entries); err != nil {
			return fmt.Errorf("entry %q: %w", header.Name, err)
		}
	}
}

type extraction struct {
	root  *os.Root
	left  int64
	links []string
}

// checkLinks follows every link, because one can lead out by way of another although neither does by its text.
func (x *extraction) checkLinks() error {
	for _, link := range x.links {
		if _, err := x.root.Stat(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: link %q: %w", errUnsafe, link, err)
		}
	}
	return nil
}

func (x *extraction) entry(h *tar.Header, content io.Reader) error {
	name := path.Clean(h.Name)
	if !filepath.IsLocal(name) || path.IsAbs(h.Name) {
		return fmt.Errorf("%w: its name leads out of the folder", errUnsafe)
	}
	if name == "." {
		return nil
	}
	if err := x.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("%w: %w", errUnsafe, err)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if err := x.root.MkdirAll(name, 0o755); err != nil {
			return fmt.Errorf("%w: %w", errUnsafe, err)
		}
		return nil
	case tar.TypeReg:
		return x.file(name, h, content)
	case tar.TypeSymlink:
		if path.IsAbs(h.Linkname) || !filepath.IsLocal(path.Join(path.Dir(name), h.Linkname)) { //nolint:gosec // it is what checks
			return fmt.Errorf("%w: its link leads out of the folder", errUnsafe)
		}
		x.links = append(x.links, name)
		return x.root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		if !filepath.IsLocal(path.Clean(h.Linkname)) {
			return fmt.Errorf("%w: its link leads out of the folder", errUnsafe)
		}
		return x.root.Link(path.Clean(h.Linkname), name)
	default:
		return fmt.Errorf("%w: type %q is neither file, folder nor link", errUnsafe, h.Typeflag)
	}
}

// file writes one file, executable or not; no other right is taken from an archive.
func (x *extraction) file(name string, h *tar.Header, content io.Reader) (err error) {
	if h.Size < 0 || h.Size > x.left {
		return fmt.Errorf("%w: it unpacks to over %d bytes", errUnsafe, int64(maxUnpacked))
	}
	x.left -= h.Size
	mode := fs.FileMode(0o644)
	if h.FileInfo().Mode()&0o100 != 0 {
		mode = 0o755
	}
	f, err := x.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsafe, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.CopyN(f, content, h.Size); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
