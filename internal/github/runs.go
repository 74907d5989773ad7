package github

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"

	gh "github.com/google/go-github/v93/github"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// mostRunPages is where GitHub stops: a list of runs with a filter has at most 1,000 results.
const mostRunPages = 10

// liveStatuses are a run's statuses with jobs that may need a runner, asked for in the order in which a run passes
// through them: one that moves on meanwhile is seen twice, not missed.
func liveStatuses() []string { return []string{"pending", "waiting", "queued", "in_progress"} }

// LiveRuns lists the runs that are pending, waiting, queued or in progress, in ascending order of their ids. Every page is
// asked for with the ETag of its last answer, which costs none of the primary limit while nothing changes. After an error
// the next answer that is complete counts as changed, since part of a change may have been seen already.
func (c *Client) LiveRuns(ctx context.Context, repository fleet.Repository) ([]int64, bool, error) {
	if err := checkNames(repository); err != nil {
		return nil, false, fmt.Errorf("listing runs: %w", err)
	}
	list, err := c.runs.of(ctx, repository)
	if err != nil {
		return nil, false, err
	}
	defer list.leave()
	for _, status := range liveStatuses() {
		if err := c.refresh(ctx, repository, status, list); err != nil {
			return nil, false, err
		}
	}
	changed := list.changed
	list.changed = false
	return list.runs(), changed, nil
}

// refresh brings the pages of one status up to date.
func (c *Client) refresh(ctx context.Context, repository fleet.Repository, status string, list *runList) error {
	pages := list.pages[status]
	for number := 1; number <= mostRunPages; number++ {
		var known runPage
		if number <= len(pages) {
			known = pages[number-1]
		}
		page, changed, err := c.runPage(ctx, repository, status, number, known)
		if err != nil {
			return err
		}
		list.changed = list.changed || changed
		pages = append(pages[:number-1:number-1], append([]runPage{page}, pages[min(number, len(pages)):]...)...)
		list.pages[status] = pages
		if !page.more {
			list.pages[status] = pages[:number]
			return nil
		}
	}
	return nil
}

// runPage asks for one page, conditionally.
func (c *Client) runPage(ctx context.Context, repository fleet.Repository, status string, number int, known runPage) (runPage, bool, error) {
	k := read(fmt.Sprintf("listing the %s runs of %s", status, repository.FullName()), repository, grantRead, laneRuns)
	k.etag = known.etag
	next := 0
	var found *gh.WorkflowRuns
	got, err := c.invoke(ctx, k, func(ctx context.Context) (resp *gh.Response, err error) {
		found, resp, err = c.api.Actions.ListRepositoryWorkflowRuns(ctx, repository.Owner, repository.Name,
			&gh.ListWorkflowRunsOptions{Status: status, ListOptions: gh.ListOptions{Page: number, PerPage: perPage}})
		return nextPage(&next, resp), err
	})
	switch {
	case err != nil:
		return runPage{}, false, err
	case got.status == http.StatusNotModified && known.etag != "":
		return known, false, nil
	case got.status != http.StatusOK:
		return runPage{}, false, k.fail(got)
	}
	page := runPage{etag: got.header.Get("Etag"), more: next > number}
	for _, run := range found.WorkflowRuns {
		page.runs = append(page.runs, run.GetID())
	}
	return page, true, nil
}

// runAlive asks whether a run is not over. A run that has been deleted is over.
func (c *Client) runAlive(ctx context.Context, repository fleet.Repository, run int64) (bool, error) {
	k := read(fmt.Sprintf("asking for run %d of %s", run, repository.FullName()), repository, grantRead, laneRuns)
	key := fmt.Sprintf("%s run %d", nameKey(repository), run)
	found, got, _, err := again(ctx, c, k, key, func(ctx context.Context) (*gh.WorkflowRun, *gh.Response, error) {
		return c.api.Actions.GetWorkflowRunByID(ctx, repository.Owner, repository.Name, run)
	})
	switch {
	case err != nil:
		return false, err
	case got.status == http.StatusNotFound:
		return false, c.confirmAbsent(ctx, k)
	case got.status != http.StatusOK:
		return false, k.fail(got)
	default:
		return found.GetStatus() != "completed", nil
	}
}

// CancelRun cancels a run. GitHub answers 202, or 409 for one that is over.
func (c *Client) CancelRun(ctx context.Context, repository fleet.Repository, run int64) error {
	k := write(fmt.Sprintf("cancelling run %d of %s", run, repository.FullName()), repository, grantCancel, laneOthers)
	if err := checkNames(repository); err != nil {
		return fmt.Errorf("%s: %w", k.doing, err)
	}
	got, err := c.invoke(ctx, k, func(ctx context.Context) (*gh.Response, error) {
		return c.api.Actions.CancelWorkflowRunByID(ctx, repository.Owner, repository.Name, run)
	})
	switch {
	case err != nil:
		return err
	case got.status == http.StatusAccepted, got.status == http.StatusConflict:
		return nil
	case got.status == http.StatusNotFound:
		return c.confirmAbsent(ctx, k)
	default:
		return k.fail(got)
	}
}

// runPage is one page of a list of runs as GitHub last gave it.
type runPage struct {
	etag string
	runs []int64
	more bool
}

// runList is what is known of a repository's live runs.
type runList struct {
	turn    chan struct{} // held by the one who asks
	pages   map[string][]runPage
	changed bool // since the last complete answer
}

func (l *runList) leave() { <-l.turn }

// runs merges the pages; a run that was moving may be on two.
func (l *runList) runs() []int64 {
	all := []int64{}
	for _, pages := range l.pages {
		for _, page := range pages {
			all = append(all, page.runs...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// runCache keeps the lists of all repositories.
type runCache struct {
	mu    sync.Mutex
	lists map[string]*runList
}

func newRunCache() *runCache { return &runCache{lists: map[string]*runList{}} }

// of returns a repository's list for the caller alone, until it leaves.
func (r *runCache) of(ctx context.Context, repository fleet.Repository) (*runList, error) {
	r.mu.Lock()
	list, ok := r.lists[nameKey(repository)]
	if !ok {
		list = &runList{turn: make(chan struct{}, 1), pages: map[string][]runPage{}, changed: true}
		r.lists[nameKey(repository)] = list
	}
	r.mu.Unlock()
	select {
	case list.turn <- struct{}{}:
		return list, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("listing the runs of %s: %w", repository.FullName(), ctx.Err())
	}
}
