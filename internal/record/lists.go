package record

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// Due is a row that must be looked at: its keys, which name what it is about. Whoever looks reads the row.
type Due struct {
	Kind DueKind
	Row  store.Row
	At   string // the time as the index has it; lexical order is that of time
}

// DueKind says what kind of row is due.
type DueKind string

// The kinds of rows that can be due.
const (
	DueJob     DueKind = "job"
	DueMachine DueKind = "machine"
	DueLaunch  DueKind = "launch"
)

// DueRows lists at most limit rows whose time has come, oldest first within a shard. It reads an index: whoever acts on
// one reads it again first.
func (r *Records) DueRows(ctx context.Context, now time.Time, limit int) ([]Due, error) {
	var out []Due
	for shard := range dueShards {
		q := store.Query{Partition: duePartition(shard), To: sortTime(now.Add(time.Millisecond)), Limit: limit, Keys: true}
		for {
			page, err := r.store.Index(ctx, store.Index1, q)
			if err != nil {
				return nil, fmt.Errorf("querying due rows: %w", err)
			}
			for _, row := range page.Rows {
				kind, _, _ := strings.Cut(row.Key.Partition, "/")
				out = append(out, Due{Kind: DueKind(kind), Row: row, At: row.Index1.Sort})
			}
			if page.Next == "" || len(out) >= limit {
				break
			}
			q.Cursor = page.Next
		}
	}
	return out, nil
}

// Time is when the row is due.
func (d Due) Time() (time.Time, error) {
	text, _, _ := strings.Cut(d.At, "#")
	at, err := time.Parse(sortTimeForm, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading when %s is due: %w", d.Row.Key, err)
	}
	return at, nil
}

// JobOf names a due job.
func JobOf(d Due) (fleet.JobID, error) {
	host, text, _ := strings.Cut(strings.TrimPrefix(d.Row.Key.Partition, jobPartition), "/")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fleet.JobID{}, fmt.Errorf("reading the key of a due job: %w", err)
	}
	return fleet.JobID{Host: host, ID: id}, nil
}

// MachineOf names a due machine.
func MachineOf(d Due) (fleet.MachineID, error) {
	id, err := fleet.ParseMachineID(strings.TrimPrefix(d.Row.Key.Partition, machinePartition))
	if err != nil {
		return fleet.MachineID{}, fmt.Errorf("reading the key of a due machine: %w", err)
	}
	return id, nil
}

// LaunchOf names a due launch.
func LaunchOf(d Due) string { return strings.TrimPrefix(d.Row.Key.Partition, launchPartition) }

// JobPage is part of a list of jobs, newest first.
type JobPage struct {
	Jobs []Job
	Next string

	places []store.Position
}

// After is the cursor with which a list goes on after the i-th job of the page, for who takes a part of it only.
func (p JobPage) After(i int) string { return p.places[i].Cursor() }

// Jobs lists jobs of a state, newest first, from an index that may lag.
func (r *Records) Jobs(ctx context.Context, state fleet.JobState, cursor string, limit int) (JobPage, error) {
	page, err := r.store.Index(ctx, store.Index2, store.Query{Partition: jobsPartition(state), Descending: true, Cursor: cursor, Limit: limit})
	if err != nil {
		return JobPage{}, fmt.Errorf("listing jobs: %w", err)
	}
	out := JobPage{Next: page.Next}
	for _, row := range page.Rows {
		k, err := decode[Job](row)
		if err != nil {
			return JobPage{}, err
		}
		out.Jobs = append(out.Jobs, k.V)
		out.places = append(out.places, store.Position{Index: row.Index2.Sort, Key: row.Key})
	}
	return out, nil
}

// OldestJobs lists the oldest jobs of a state, from an index that may lag.
func (r *Records) OldestJobs(ctx context.Context, state fleet.JobState, limit int) ([]Job, error) {
	page, err := r.store.Index(ctx, store.Index2, store.Query{Partition: jobsPartition(state), Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("listing the oldest jobs: %w", err)
	}
	out := make([]Job, 0, len(page.Rows))
	for _, row := range page.Rows {
		k, err := decode[Job](row)
		if err != nil {
			return nil, err
		}
		out = append(out, k.V)
	}
	return out, nil
}

// CountJobs counts jobs of a state up to a bound, and says whether there are more. It reads an index that may lag.
func (r *Records) CountJobs(ctx context.Context, state fleet.JobState, most int) (n int, more bool, err error) {
	q := store.Query{Partition: jobsPartition(state), Descending: true}
	for {
		q.Limit = most - n
		page, err := r.store.Index(ctx, store.Index2, q)
		if err != nil {
			return 0, false, fmt.Errorf("counting jobs: %w", err)
		}
		n += len(page.Rows)
		if page.Next == "" || n >= most {
			return n, page.Next != "", nil
		}
		q.Cursor = page.Next
	}
}

// MachinePage is part of a list of machines, newest first.
type MachinePage struct {
	Machines []fleet.Machine
	Next     string
}

// Machines lists machines, newest first, live ones or those that ended lately, from an index that may lag.
func (r *Records) Machines(ctx context.Context, live bool, cursor string, limit int) (MachinePage, error) {
	partition := endedPartition
	if live {
		partition = livePartition
	}
	page, err := r.store.Index(ctx, store.Index2, store.Query{Partition: partition, Descending: true, Cursor: cursor, Limit: limit})
	if err != nil {
		return MachinePage{}, fmt.Errorf("listing machines: %w", err)
	}
	out := MachinePage{Next: page.Next}
	for _, row := range page.Rows {
		k, err := decode[fleet.Machine](row)
		if err != nil {
			return MachinePage{}, err
		}
		out.Machines = append(out.Machines, k.V)
	}
	return out, nil
}

// LiveMachines lists all live machines. A row that cannot be read is an error, beside which all others are returned.
func (r *Records) LiveMachines(ctx context.Context) ([]fleet.Machine, error) {
	var out []fleet.Machine
	var unread error
	err := r.eachIndexed(ctx, store.Query{Partition: livePartition}, func(row store.Row) error {
		k, err := decode[fleet.Machine](row)
		if err != nil {
			unread = errors.Join(unread, err)
			return nil
		}
		out = append(out, k.V)
		return nil
	})
	return out, errors.Join(err, unread)
}

// LiveStates counts the live machines by state, and reads nothing else of them.
func (r *Records) LiveStates(ctx context.Context) (map[fleet.MachineState]int, error) {
	out := map[fleet.MachineState]int{}
	err := r.eachIndexed(ctx, store.Query{Partition: livePartition}, func(row store.Row) error {
		k, err := decode[struct {
			State fleet.MachineState `json:"state"`
		}](row)
		out[k.V.State]++
		return err
	})
	return out, err
}

func (r *Records) eachIndexed(ctx context.Context, q store.Query, f func(store.Row) error) error {
	for {
		page, err := r.store.Index(ctx, store.Index2, q)
		if err != nil {
			return fmt.Errorf("querying index %d of %s: %w", store.Index2, q.Partition, err)
		}
		for _, row := range page.Rows {
			if err := f(row); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}
