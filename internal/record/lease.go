package record

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Lease is the right of one replica to do a periodic work. It is written when it changes hands. Whoever holds leases writes the
// row of its replica again every few seconds, which renews all of them; nobody's clock is compared with another's, since what
// counts for the others is that this row changes.
type Lease struct {
	Work   string `json:"work"`
	Holder string `json:"holder"` // a life of a replica; empty when it was given back
}

// LeaseState is a lease with its generation: the version of a row that changes with the holder only. A write under a lease
// depends on it, so that the store refuses whoever lost the lease without noticing.
type LeaseState struct {
	Lease      Kept[Lease]
	Generation uint64
	// Beat is the version of the row of the holder's replica, 0 if it has none: it changes with every renewal.
	Beat uint64
}

// Replica is a server that works with this store.
type Replica struct {
	ID      string    `json:"id"`
	Address string    `json:"address,omitempty"` // where other replicas reach it; empty if they cannot
	At      time.Time `json:"at"`                // its own clock's
	// Draining is true while the replica was asked to drain the fleet: the others launch nothing more then either.
	Draining bool `json:"draining,omitempty"`
}

const (
	leasePartition   = "leases"
	leasePrefix      = "lease/"
	generationPrefix = "generation/"
	replicaPrefix    = "replica/"
)

// Leases reads all leases and all replicas, consistently.
func (r *Records) Leases(ctx context.Context) (map[string]LeaseState, []Replica, error) {
	states := map[string]LeaseState{}
	beats := map[string]uint64{}
	var replicas []Replica
	q := store.Query{Partition: leasePartition}
	for {
		page, err := r.store.Query(ctx, q)
		if err != nil {
			return nil, nil, fmt.Errorf("reading leases: %w", err)
		}
		for _, row := range page.Rows {
			switch kind, name, _ := strings.Cut(row.Key.Sort, "/"); kind + "/" {
			case leasePrefix:
				s := states[name]
				if s.Lease, err = decode[Lease](row); err != nil {
					return nil, nil, err
				}
				states[name] = s
			case generationPrefix:
				s := states[name]
				s.Generation = row.Version
				states[name] = s
			case replicaPrefix:
				k, err := decode[Replica](row)
				if err != nil {
					return nil, nil, err
				}
				replicas = append(replicas, k.V)
				beats[k.V.ID] = k.Version
			}
		}
		if page.Next == "" {
			for name, s := range states {
				s.Beat = beats[s.Lease.V.Holder]
				states[name] = s
			}
			return states, replicas, nil
		}
		q.Cursor = page.Next
	}
}

// GiveBackLease writes that nobody holds a lease.
func (r *Records) GiveBackLease(old Kept[Lease]) []store.Write {
	l := Lease{Work: old.V.Work}
	return []store.Write{store.Put(store.Row{Key: leaseKey(leasePrefix, l.Work), Value: encode(l)}, store.At(old.Version))}
}

// TakeLease writes a lease that changes hands; its generation is then one more. It depends on the former holder's not having
// renewed it since the state was read.
func (r *Records) TakeLease(s LeaseState, work, holder string) []store.Write {
	l := Lease{Work: work, Holder: holder}
	writes := []store.Write{
		store.Put(store.Row{Key: leaseKey(leasePrefix, work), Value: encode(l)}, store.At(s.Lease.Version)),
		store.Put(store.Row{Key: leaseKey(generationPrefix, work), Value: []byte("{}")}, store.At(s.Generation)),
	}
	if former := s.Lease.V.Holder; former != "" && former != holder {
		writes = append(writes, store.Check(leaseKey(replicaPrefix, former), store.At(s.Beat)))
	}
	return writes
}

// PutReplica writes that a replica lives, until it ceases to say so. It renews every lease that the replica holds.
func (r *Records) PutReplica(v Replica, until time.Time) []store.Write {
	row := store.Row{Key: leaseKey(replicaPrefix, v.ID), Value: encode(v), Expires: until}
	return []store.Write{store.Put(row, store.Any())}
}

// DeleteReplica forgets a replica that stops.
func (r *Records) DeleteReplica(id string) []store.Write {
	return []store.Write{store.Delete(leaseKey(replicaPrefix, id), store.Any())}
}

func leaseKey(prefix, name string) store.Key {
	return store.Key{Partition: leasePartition, Sort: prefix + name}
}
