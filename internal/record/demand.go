package record

import (
	"context"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

func demandKey(k fleet.DemandKey) store.Key {
	return store.Key{Partition: "demand/" + string(k), Sort: "demand"}
}

// Demand reads what is remembered of a demand.
func (r *Records) Demand(ctx context.Context, k fleet.DemandKey) (Kept[fleet.DemandState], error) {
	return get[fleet.DemandState](ctx, r, demandKey(k))
}

// PutDemand writes it. A demand usually carries a run id and is used once, so it expires.
func (r *Records) PutDemand(old Kept[fleet.DemandState], d fleet.DemandState, expires time.Time) []store.Write {
	return []store.Write{store.Put(store.Row{Key: demandKey(d.Demand.Key()), Value: encode(d), Expires: expires}, store.At(old.Version))}
}
