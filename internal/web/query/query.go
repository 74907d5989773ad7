// Package query answers what the API and the dashboard ask of the fleet's rows: pages of jobs and machines, and counts.
// It reads lists that may lag, and decides nothing.
package query

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// The bounds of one answer.
const (
	DefaultPage = 50
	MaxPage     = 200
	maxReads    = 10   // pages of the store that one answer may cost when few rows match
	scanned     = 200  // rows of such a page
	countBound  = 1000 // jobs of a state that are counted
)

// ErrCursor says that a cursor is none of ours.
var ErrCursor = errors.New("the cursor is not one that a former page gave")

// ErrNotFound says that there is no such job or machine.
var ErrNotFound = errors.New("not found")

// Queries reads the fleet's rows.
type Queries struct {
	records *record.Records
	clock   seam.Clock
	counter counter
}

// New returns queries of the records.
func New(records *record.Records, clock seam.Clock) *Queries {
	return &Queries{records: records, clock: clock}
}

// Filter chooses jobs. Empty fields choose all.
type Filter struct {
	State      fleet.JobState
	Repository string // owner/name
	Text       string // part of repository, name, workflow, branch, label, runner or id
	Cursor     string
	Limit      int // DefaultPage if 0
}

// order is what a reader looks for first: what waits, then what runs, then what is over.
func order() []fleet.JobState {
	return []fleet.JobState{fleet.JobQueued, fleet.JobWaiting, fleet.JobInProgress, fleet.JobCompleted}
}

// Jobs returns a page: queued jobs, those that wait for an approval, running and ended ones, newest first in each. A page
// may be shorter than its limit and still have a next one.
func (q *Queries) Jobs(ctx context.Context, f Filter) (view.JobPage, error) {
	states := order()
	if f.State != "" {
		states = []fleet.JobState{f.State}
	}
	at, inner, err := decodeCursor(f.Cursor, len(states))
	if err != nil {
		return view.JobPage{}, err
	}
	limit := f.Limit
	if limit <= 0 {
		limit = DefaultPage
	}
	limit = min(limit, MaxPage)
	out := view.JobPage{Jobs: []view.Job{}}
	for reads := 0; at < len(states); reads++ {
		if len(out.Jobs) >= limit || reads >= maxReads {
			out.Next = encodeCursor(at, inner)
			return out, nil
		}
		rows := limit - len(out.Jobs)
		if f.matchesSome() {
			rows = max(rows, scanned)
		}
		page, err := q.records.Jobs(ctx, states[at], inner, rows)
		if err != nil {
			return view.JobPage{}, fmt.Errorf("listing %s jobs: %w", states[at], err)
		}
		inner = q.take(&out, page, f, limit)
		if inner == "" {
			at++
		}
	}
	return out, nil
}

// take adds what matches of a page of rows, up to the limit, and returns where the list goes on; empty at its end.
func (q *Queries) take(out *view.JobPage, page record.JobPage, f Filter, limit int) string {
	now := q.clock.Now()
	for i, j := range page.Jobs {
		if !f.matches(j.Job) {
			continue
		}
		out.Jobs = append(out.Jobs, view.OfJob(j.Job, now))
		if len(out.Jobs) == limit && i < len(page.Jobs)-1 {
			return page.After(i)
		}
	}
	return page.Next
}

// matchesSome says whether rows that are read may have to be passed over.
func (f Filter) matchesSome() bool { return f.Repository != "" || f.Text != "" }

func (f Filter) matches(j fleet.Job) bool {
	if f.Repository != "" && !strings.EqualFold(f.Repository, j.Repository.FullName()) {
		return false
	}
	if f.Text == "" {
		return true
	}
	text := strings.ToLower(f.Text)
	fields := append([]string{
		j.Repository.FullName(), j.Name, j.Workflow, j.Branch, j.Runner, strconv.FormatInt(j.ID.ID, 10), strconv.FormatInt(j.Run, 10),
	}, j.Labels...)
	for _, field := range fields {
		if strings.Contains(strings.ToLower(field), text) {
			return true
		}
	}
	return false
}

// A cursor is the position in the states and the store's own cursor, opaque to callers.
func encodeCursor(at int, inner string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(at) + ":" + inner))
}

func decodeCursor(cursor string, states int) (at int, inner string, err error) {
	if cursor == "" {
		return 0, "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, "", ErrCursor
	}
	position, inner, ok := strings.Cut(string(b), ":")
	at, err = strconv.Atoi(position)
	if !ok || err != nil || at < 0 || at >= states {
		return 0, "", ErrCursor
	}
	return at, inner, nil
}

// Job returns one job's row.
func (q *Queries) Job(ctx context.Context, id fleet.JobID) (fleet.Job, error) {
	k, err := q.records.Job(ctx, id)
	if err != nil {
		return fleet.Job{}, err
	}
	if !k.Exists() {
		return fleet.Job{}, fmt.Errorf("job %d of %s: %w", id.ID, id.Host, ErrNotFound)
	}
	return k.V.Job, nil
}

// Changes counts what this process has written: while it stands still, answers are most likely the same.
func (q *Queries) Changes() uint64 { return q.records.Changes() }
