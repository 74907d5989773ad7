package record

import (
	"context"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// CommitSoon is Commit for what somebody else still keeps, such as a message that is deleted only after Sync: it need not
// wait for the disk. Whatever is committed later depends on it in the file as well, so that a power cut never leaves an
// effect without its cause.
func (r *Records) CommitSoon(ctx context.Context, writes ...[]store.Write) error {
	if d, ok := r.store.(store.Deferrer); ok {
		return r.commit(ctx, d.TransactDeferred, writes)
	}
	return r.commit(ctx, r.store.Transact, writes)
}

// Sync returns when everything that CommitSoon has made is durable.
func (r *Records) Sync(ctx context.Context) error {
	d, ok := r.store.(store.Deferrer)
	if !ok {
		return nil
	}
	if err := d.Sync(ctx); err != nil {
		return fmt.Errorf("syncing the store: %w", err)
	}
	return nil
}
