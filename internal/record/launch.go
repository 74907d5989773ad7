package record

import (
	"context"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// launchPartition begins the partition of a launch's row.
const launchPartition = "launch/"

func launchKey(id string) store.Key {
	return store.Key{Partition: launchPartition + id, Sort: "launch"}
}

// LaunchEntry is what a decision reads of a launch that is not settled.
type LaunchEntry struct {
	ID          string    `json:"id"`
	Outstanding int       `json:"outstanding"`
	Created     time.Time `json:"created"`
	Answered    time.Time `json:"answered,omitzero"`
}

// Launch reads a launch's row.
func (r *Records) Launch(ctx context.Context, id string) (Kept[fleet.Launch], error) {
	return get[fleet.Launch](ctx, r, launchKey(id))
}

// PutLaunch writes a launch with its entry. Settled launches are kept for the given time.
func (r *Records) PutLaunch(old Kept[fleet.Launch], l fleet.Launch, keep time.Duration) []store.Write {
	row := store.Row{Key: launchKey(l.ID), Value: encode(l)}
	entry := store.Key{Partition: shapePartition(l.Shape), Sort: launchPrefix + l.ID}
	if l.Settled() {
		row.Expires = l.Created.Add(keep)
		writes := []store.Write{store.Put(row, store.At(old.Version))}
		if old.Exists() && !old.V.Settled() {
			writes = append(writes, store.Delete(entry, store.Any()))
		}
		return writes
	}
	row.Index1 = due(l.NextCall, row.Key)
	return []store.Write{
		store.Put(row, store.At(old.Version)),
		store.Put(store.Row{Key: entry, Value: encode(LaunchEntry{
			ID: l.ID, Outstanding: l.Outstanding(), Created: l.Created, Answered: l.Answered,
		})}, store.Any()),
	}
}
