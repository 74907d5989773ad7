package record

import (
	"bytes"
	"context"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Pointer is a row that names a machine.
type Pointer struct {
	Machine fleet.MachineID `json:"machine"`
}

func machineKey(id fleet.MachineID) store.Key {
	return store.Key{Partition: machinePartition + id.String(), Sort: "machine"}
}

// machinePartition begins the partition of a machine's row.
const machinePartition = "machine/"

func countKey(m fleet.Machine) store.Key {
	return store.Key{Partition: shapePartition(m.Shape), Sort: machinePrefix + m.ID.String()}
}

func runnerKey(host, name string) store.Key {
	return store.Key{Partition: "runner/" + host + "/" + name, Sort: "runner"}
}

func agentKey(hash string) store.Key { return store.Key{Partition: "agent/" + hash, Sort: "agent"} }

// Machine reads a machine's row.
func (r *Records) Machine(ctx context.Context, id fleet.MachineID) (Kept[fleet.Machine], error) {
	return get[fleet.Machine](ctx, r, machineKey(id))
}

// MachineAgain reads a machine that the caller has read before, and decodes its row only if it has changed since.
func (r *Records) MachineAgain(ctx context.Context, id fleet.MachineID, before Kept[fleet.Machine]) (Kept[fleet.Machine], error) {
	return getAgain(ctx, r, machineKey(id), before)
}

// PutMachine writes a machine with its entry. Ended machines are kept for the given time.
func (r *Records) PutMachine(old Kept[fleet.Machine], m fleet.Machine, keep time.Duration) []store.Write {
	row := store.Row{Key: machineKey(m.ID), Value: encode(m)}
	row.Index1 = due(m.Due, row.Key)
	list := livePartition
	if !m.Live() {
		list = endedPartition
		if m.Due.IsZero() {
			row.Expires = m.Ended.Add(keep)
		}
	}
	row.Index2 = store.Key{Partition: list, Sort: sortTime(m.Launched) + "#" + m.ID.String()}
	writes := []store.Write{store.Put(row, store.At(old.Version))}
	had, has := old.Exists() && old.V.Count().Counts(), m.Count().Counts()
	if had && old.V.Shape != m.Shape { // it is taken from its pool, in the one write that gives it to a shape (rule 7.1)
		writes = append(writes, store.Delete(countKey(old.V), store.Any()))
		had = false
	}
	switch entry := encode(m.Count()); {
	case has && had && bytes.Equal(entry, encode(old.V.Count())): // as it is, or the base's version would be another
	case has:
		writes = append(writes, store.Put(store.Row{Key: countKey(m), Value: entry}, store.Any()))
	case had:
		writes = append(writes, store.Delete(countKey(m), store.Any()))
	}
	return writes
}

// The partitions of the list index that hold machines.
const (
	livePartition  = "machines/live"
	endedPartition = "machines/ended"
)

// MachineOfRunner returns the machine that a runner's name was written for; Version 0 if the name is not ours.
func (r *Records) MachineOfRunner(ctx context.Context, host, name string) (Kept[Pointer], error) {
	return get[Pointer](ctx, r, runnerKey(host, name))
}

// PutRunner reserves a runner's name for a machine: no other writer can have it (rule 4.2).
func (r *Records) PutRunner(host, name string, id fleet.MachineID, expires time.Time) []store.Write {
	return []store.Write{store.Put(store.Row{Key: runnerKey(host, name), Value: encode(Pointer{id}), Expires: expires}, store.Absent())}
}

// MachineOfKey returns the machine whose agent bound the key with this hash.
func (r *Records) MachineOfKey(ctx context.Context, hash string) (Kept[Pointer], error) {
	return get[Pointer](ctx, r, agentKey(hash))
}

// PutAgentKey binds an agent's key to its machine.
func (r *Records) PutAgentKey(hash string, id fleet.MachineID, expires time.Time) []store.Write {
	return []store.Write{store.Put(store.Row{Key: agentKey(hash), Value: encode(Pointer{id}), Expires: expires}, store.Absent())}
}
