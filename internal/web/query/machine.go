package query

import (
	"context"
	"fmt"
	"time"

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

// failedPages is how far back FailedMachines looks: as many pages of ended machines.
const failedPages = 2

// FailedMachines lists the newest machines of a shape that failed since a time: why a job that needs the shape waits.
func (q *Queries) FailedMachines(ctx context.Context, shape fleet.ShapeKey, since time.Time, most int) ([]fleet.Machine, error) {
	var out []fleet.Machine
	cursor := ""
	for range failedPages {
		page, err := q.records.Machines(ctx, false, cursor, DefaultPage)
		if err != nil {
			return nil, fmt.Errorf("looking for failed machines: %w", err)
		}
		for _, m := range page.Machines {
			if m.Shape == shape && m.State == fleet.MachineFailed && !m.Ended.Before(since) {
				out = append(out, m)
			}
			if len(out) == most {
				return out, nil
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	return out, nil
}
