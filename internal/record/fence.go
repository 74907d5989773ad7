package record

import (
	"context"
	"errors"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// ErrLeaseLost is returned for a write under a lease that another replica has taken. Nothing was written, and trying again
// is of no use.
var ErrLeaseLost = errors.New("another replica has taken the lease")

type fenceKey struct{}

// Fenced makes every write under the returned context depend on a generation of a work's lease.
func Fenced(ctx context.Context, work string, generation uint64) context.Context {
	return context.WithValue(ctx, fenceKey{}, store.Check(leaseKey(generationPrefix, work), store.At(generation)))
}

// Unfenced takes the dependence away again, for what a periodic work merely starts: many transactions at once that check
// the same row would get in each other's way.
func Unfenced(ctx context.Context) context.Context {
	return context.WithValue(ctx, fenceKey{}, nil)
}

// fenced appends the check that the context asks for.
func fenced(ctx context.Context, writes []store.Write) []store.Write {
	if check, ok := ctx.Value(fenceKey{}).(store.Write); ok {
		return append(writes, check)
	}
	return writes
}

// fenceError tells a lost lease from a conflict.
func fenceError(err error, writes, all []store.Write) error {
	var conflict *store.ConflictError
	if len(all) > len(writes) && errors.As(err, &conflict) && slices.Contains(conflict.Failed, len(writes)) {
		return ErrLeaseLost
	}
	return err
}
