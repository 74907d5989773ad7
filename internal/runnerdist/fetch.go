package runnerdist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

// maxArchive is far above the official archives, which have about 200 MB.
const maxArchive = 2 << 30

// fetch downloads, verifies, and only then unpacks a release; the folder appears complete or not at all.
func (d *Distribution) fetch(ctx context.Context, r release, folder string) (err error) {
	temporary, err := os.MkdirTemp(d.options.Dir, temporaryPrefix)
	if err != nil {
		return fmt.Errorf("making a folder for the download: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	archive, err := os.CreateTemp(temporary, "archive-")
	if err != nil {
		return fmt.Errorf("making a file for the download: %w", err)
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	if err := d.download(ctx, r, archive); err != nil {
		return err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the download: %w", err)
	}
	unpacked := temporary + "/runner"
	if err := os.Mkdir(unpacked, 0o755); err != nil { //nolint:gosec // runners of other users read it
		return fmt.Errorf("making the runner's folder: %w", err)
	}
	if err := extract(ctx, archive, unpacked); err != nil {
		return fmt.Errorf("unpacking runner %s: %w", r.version, err)
	}
	if err := checkInstalled(unpacked); err != nil {
		return fmt.Errorf("looking at the unpacked runner %s: %w", r.version, err)
	}
	if err := os.Rename(unpacked, folder); err != nil {
		return fmt.Errorf("putting the runner in its place: %w", err)
	}
	return nil
}

// download writes the archive and compares its checksum.
func (d *Distribution) download(ctx context.Context, r release, to io.Writer) (err error) {
	if u, err := url.Parse(r.url); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("the runner's address %q is no web address", r.url)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking for the runner: %w", err)
	}
	response, err := d.options.HTTP.Do(request)
	if err != nil {
		return fmt.Errorf("downloading the runner: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("downloading the runner: %s answered %s", request.URL.Host, response.Status)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, sum), io.LimitReader(response.Body, maxArchive+1))
	if err != nil {
		return fmt.Errorf("downloading the runner: %w", err)
	}
	if n > maxArchive {
		return fmt.Errorf("downloading the runner: the archive is over %d bytes", maxArchive)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != r.sha256 {
		return fmt.Errorf("the archive of runner %s has checksum %s, GitHub says %s: it was not used", r.version, got, r.sha256)
	}
	return nil
}
