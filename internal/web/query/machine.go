package query

import (
	"context"
	"fmt"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// Machines returns a page of live or of ended machines, newest first.
func (q *Queries) Machines(ctx context.Context, live bool, cursor string, limit int) (view.MachinePage, error) {
	_, inner, err := decodeCursor(cursor, 1)
	if err != nil {
		return view.MachinePage{}, err
	}
	if limit <= 0 {
		limit = DefaultPage
	}
	page, err := q.records.Machines(ctx, live, inner, min(limit, MaxPage))
	if err != nil {
		return view.MachinePage{}, err
	}
	out := view.MachinePage{Machines: []view.Machine{}}
	for _, m := range page.Machines {
		out.Machines = append(out.Machines, view.OfMachine(m))
	}
	if page.Next != "" {
		out.Next = encodeCursor(0, page.Next)
	}
	return out, nil
}

// Machine returns one machine's row.
func (q *Queries) Machine(ctx context.Context, id fleet.MachineID) (fleet.Machine, error) {
	k, err := q.records.Machine(ctx, id)
	if err != nil {
		return fleet.Machine{}, err
	}
	if !k.Exists() {
		return fleet.Machine{}, fmt.Errorf("machine %s: %w", id, ErrNotFound)
	}
	return k.V, nil
}
