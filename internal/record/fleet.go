package record

import (
	"context"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Identity is the fleet's own: minted once, in every name, tag and filter, so that nothing of another fleet is touched.
type Identity struct {
	Fleet   string    `json:"fleet"` // 8 characters
	Created time.Time `json:"created"`
}

// Identity returns the fleet's identity and mints it at the first call; of two first calls one wins.
func (r *Records) Identity(ctx context.Context, mint func() Identity) (Identity, error) {
	key := store.Key{Partition: "fleet", Sort: "identity"}
	for range 3 {
		k, err := get[Identity](ctx, r, key)
		if err != nil {
			return Identity{}, err
		}
		if k.Exists() {
			return k.V, nil
		}
		err = r.Commit(ctx, []store.Write{store.Put(store.Row{Key: key, Value: encode(mint())}, store.Absent())})
		if err != nil && !store.IsConflict(err) {
			return Identity{}, err
		}
	}
	return Identity{}, fmt.Errorf("minting the fleet's identity: %w", store.ErrNotFound)
}
