// Package archive keeps the logs of machines that have ended, in a blob store: for as long as the rows of their jobs, which
// is longer than a provider remembers a machine, and where every replica finds them.
package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/blob"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

const (
	// Prefix is where the keys of all logs begin, so that a lifecycle can name them.
	Prefix = "logs/"
	// KeepFor is how long a log is kept: as long as the row of a job that has ended.
	KeepFor = 30 * 24 * time.Hour
	// maxBytes bounds one log; its end is what tells why a machine failed.
	maxBytes = 64 << 10
)

// ErrNone says that no such log is kept.
var ErrNone = errors.New("no such log is kept")

// Archive keeps logs.
type Archive struct {
	blobs blob.Store
	clock seam.Clock
}

// New returns the archive in a blob store.
func New(blobs blob.Store, clock seam.Clock) *Archive { return &Archive{blobs, clock} }

func key(id fleet.MachineID, l fleet.Log) string {
	return Prefix + "machines/" + id.String() + "/" + string(l) + ".log"
}

// Keep stores a log, its last 64 KiB if it is longer. Storing it again changes nothing.
func (a *Archive) Keep(ctx context.Context, id fleet.MachineID, l fleet.Log, content []byte) error {
	content = content[max(0, len(content)-maxBytes):]
	if _, err := a.blobs.Put(ctx, key(id, l), bytes.NewReader(content)); err != nil {
		return fmt.Errorf("archiving the %s log of %s: %w", l, id, err)
	}
	return nil
}

// Log returns a log, or ErrNone.
func (a *Archive) Log(ctx context.Context, id fleet.MachineID, l fleet.Log) ([]byte, error) {
	object, _, err := a.blobs.Get(ctx, key(id, l))
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrKey) { // a request may name what no machine is called
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("opening the %s log of %s: %w", l, id, err)
	}
	content, err := io.ReadAll(io.LimitReader(object, maxBytes))
	if err = errors.Join(err, object.Close()); err != nil {
		return nil, fmt.Errorf("reading the %s log of %s: %w", l, id, err)
	}
	return content, nil
}

// Sweep removes the logs that have been kept for their time, and says how many. It is for stores without a lifecycle of
// their own: it lists all that is kept.
func (a *Archive) Sweep(ctx context.Context) (removed int, err error) {
	until := a.clock.Now().Add(-KeepFor)
	for cursor := ""; ; {
		page, err := a.blobs.List(ctx, Prefix, cursor, 0)
		if err != nil {
			return removed, fmt.Errorf("listing archived logs: %w", err)
		}
		for _, o := range page.Objects {
			if !o.Modified.Before(until) {
				continue
			}
			if err := a.blobs.Delete(ctx, o.Key); err != nil {
				return removed, fmt.Errorf("removing the archived log %s: %w", o.Key, err)
			}
			removed++
		}
		if cursor = page.Next; cursor == "" {
			return removed, nil
		}
	}
}
