package record

import (
	"context"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Live counts an environment's machines, launched and not yet failed or gone (rule 1.8).
type Live struct {
	Count int `json:"count"`
}

// Waiting is a shape that waits for room: across shapes the oldest queued job goes first (rule 1.8).
type Waiting struct {
	Shape  fleet.ShapeKey `json:"shape"`
	Oldest time.Time      `json:"oldest"`
	Wanted int            `json:"wanted"`
	Seen   time.Time      `json:"seen"`
}

func liveKey(environment string) store.Key {
	return store.Key{Partition: "live/" + environment, Sort: "live"}
}

func waitingPartition(environment string) string { return "room/" + environment }

// Live reads an environment's count.
func (r *Records) Live(ctx context.Context, environment string) (Kept[Live], error) {
	return get[Live](ctx, r, liveKey(environment))
}

// PutLive writes an environment's count, which must not have changed since it was read.
func (r *Records) PutLive(old Kept[Live], environment string, l Live) []store.Write {
	return []store.Write{store.Put(store.Row{Key: liveKey(environment), Value: encode(l)}, store.At(old.Version))}
}

// Waiting lists the shapes of an environment that wait for room.
func (r *Records) Waiting(ctx context.Context, environment string) ([]Waiting, error) {
	return all[Waiting](ctx, r, waitingPartition(environment), "")
}

// PutWaiting notes that a shape waits for room; the note expires unless it is renewed.
func (r *Records) PutWaiting(environment string, w Waiting, expires time.Time) []store.Write {
	key := store.Key{Partition: waitingPartition(environment), Sort: string(w.Shape)}
	return []store.Write{store.Put(store.Row{Key: key, Value: encode(w), Expires: expires}, store.Any())}
}

// DeleteWaiting notes that a shape waits no longer.
func (r *Records) DeleteWaiting(environment string, k fleet.ShapeKey) []store.Write {
	return []store.Write{store.Delete(store.Key{Partition: waitingPartition(environment), Sort: string(k)}, store.Any())}
}
