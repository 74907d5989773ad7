package record

import (
	"context"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// poolsPartition is the part of the list index that holds the heads of pools.
const poolsPartition = "pools"

// PoolHeads lists the heads of all pools that have or had machines, by name, from an index that may lag.
func (r *Records) PoolHeads(ctx context.Context) ([]Head, error) {
	var out []Head
	err := r.eachIndexed(ctx, store.Query{Partition: poolsPartition}, func(row store.Row) error {
		k, err := decode[Head](row)
		if err != nil {
			return err
		}
		out = append(out, k.V)
		return nil
	})
	return out, err
}

// PoolMachines reads what a pool has, consistently.
func (r *Records) PoolMachines(ctx context.Context, k fleet.ShapeKey) ([]fleet.Count, error) {
	return all[fleet.Count](ctx, r, shapePartition(k), machinePrefix)
}

// DeleteHead forgets a pool that is not configured any more and has nothing left.
func (r *Records) DeleteHead(old Kept[Head]) []store.Write {
	return []store.Write{store.Delete(headKey(old.V.Key), store.At(old.Version))}
}
