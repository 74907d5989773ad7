package runnerdist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
)

// index is what the cache's folder holds.
type index struct {
	Current cached   `json:"current"`
	Old     []cached `json:"old,omitempty"`
}

// cached is one unpacked version.
type cached struct {
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Folder  string `json:"folder"` // below the cache's
	// Checked is when GitHub last named this version; Replaced when another took its place.
	Checked  time.Time `json:"checked,omitzero"`
	Replaced time.Time `json:"replaced,omitzero"`
}

const (
	indexFile       = "index.json"
	temporaryPrefix = ".fetching-"
)

// loadIndex reads the cache and removes what interrupted downloads left.
func (d *Distribution) loadIndex() error {
	entries, err := os.ReadDir(d.options.Dir)
	if err != nil {
		return fmt.Errorf("listing the runner's cache: %w", err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), temporaryPrefix) {
			if err := os.RemoveAll(filepath.Join(d.options.Dir, entry.Name())); err != nil {
				return fmt.Errorf("clearing the runner's cache: %w", err)
			}
		}
	}
	b, err := os.ReadFile(filepath.Join(d.options.Dir, indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the runner's cache: %w", err)
	}
	if err := json.Unmarshal(b, &d.index); err != nil {
		d.options.FellBack(controller.FallbackRunnerCache)
		d.options.Logger.Warn("the runner's cache is unreadable and will be filled anew", "error", err)
		d.index = index{}
		return nil
	}
	if pin := d.options.Pin.Version; pin == "" || pin == d.index.Current.Version {
		d.next = d.index.Current.Checked.Add(d.options.Refresh)
	}
	return nil
}

// obtain makes a release the current one.
func (d *Distribution) obtain(ctx context.Context, r release) (string, error) {
	const enough = 12 // characters of the checksum that tell two archives of one version apart
	name := r.version + "-" + r.sha256[:enough]
	folder := filepath.Join(d.options.Dir, name)
	if checkInstalled(folder) != nil {
		d.options.Logger.InfoContext(ctx, "getting the runner", "version", r.version, "url", r.url)
		if err := os.RemoveAll(folder); err != nil {
			return "", fmt.Errorf("clearing the runner's folder: %w", err)
		}
		if err := d.fetch(ctx, r, folder); err != nil {
			return "", err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.options.Clock.Now()
	if old := d.index.Current; old.Folder != "" && old.Folder != name {
		old.Replaced = now
		d.index.Old = append(d.index.Old, old)
	}
	d.index.Current = cached{Version: r.version, SHA256: r.sha256, Folder: name, Checked: now}
	return folder, d.saveIndex()
}

// prune removes versions that no job can be using any more.
func (d *Distribution) prune(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var kept []cached
	for _, old := range d.index.Old {
		if old.Folder == d.index.Current.Folder { // it came back
			continue
		}
		if d.options.Clock.Now().Sub(old.Replaced) < keepOld {
			kept = append(kept, old)
			continue
		}
		if err := os.RemoveAll(filepath.Join(d.options.Dir, old.Folder)); err != nil {
			d.options.Logger.WarnContext(ctx, "removing an old runner", "version", old.Version, "error", err)
			kept = append(kept, old)
		}
	}
	d.index.Old = kept
	return d.saveIndex()
}

func (d *Distribution) saveIndex() error {
	b, err := json.Marshal(d.index)
	if err != nil {
		return fmt.Errorf("writing the runner's cache: %w", err)
	}
	path := filepath.Join(d.options.Dir, indexFile)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("writing the runner's cache: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("writing the runner's cache: %w", err)
	}
	return nil
}
