package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Identity is the fleet's own: minted once, in every name, tag and filter, so that nothing of another fleet is touched.
type Identity struct {
	Fleet   string    `json:"fleet"` // 8 characters
	Created time.Time `json:"created"`
}

func identityKey() store.Key { return store.Key{Partition: "fleet", Sort: "identity"} }

// ErrUnfinishedImport says that a store has only some of the rows that are being moved into it.
var ErrUnfinishedImport = errors.New("the import into this store has not been finished: repeat runs-fleet store import with the same stream")

// KnownIdentity reads the fleet's identity, if it has been minted.
func (r *Records) KnownIdentity(ctx context.Context) (Kept[Identity], error) {
	return get[Identity](ctx, r, identityKey())
}

// Complete returns ErrUnfinishedImport for a store that lacks rows which are still to come: no server may start on it, since
// its silence about a machine would be taken for the truth.
func (r *Records) Complete(ctx context.Context) error {
	switch _, err := r.store.Get(ctx, store.UnfinishedImport()); {
	case err == nil:
		return ErrUnfinishedImport
	case errors.Is(err, store.ErrNotFound):
		return nil
	default:
		return fmt.Errorf("reading %s: %w", store.UnfinishedImport(), err)
	}
}

// Identity returns the fleet's identity and mints it at the first call; of two first calls one wins.
func (r *Records) Identity(ctx context.Context, mint func() Identity) (Identity, error) {
	key := identityKey()
	for range 3 {
		k, err := r.KnownIdentity(ctx)
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
