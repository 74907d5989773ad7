package github_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runList is a GitHub's list of runs by status, with pages and ETags that change with their content.
type runList struct {
	mu       sync.Mutex
	byStatus map[string][]int64
	fail     string // a status that cannot be listed now
}

func (l *runList) set(status string, ids ...int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byStatus[status] = ids
}

func (l *runList) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := r.URL.Query()
	status := q.Get("status")
	if status == l.fail {
		answer(w, 502, ``)
		return
	}
	page, _ := strconv.Atoi(q.Get("page"))
	size, _ := strconv.Atoi(q.Get("per_page"))
	all := l.byStatus[status]
	from, to := min((page-1)*size, len(all)), min(page*size, len(all))
	var items []string
	for _, id := range all[from:to] {
		items = append(items, fmt.Sprintf(`{"id":%d,"status":%q}`, id, status))
	}
	etag := fmt.Sprintf("W/%q", fmt.Sprint(all[from:to], len(all)))
	headers := []string{"Etag", etag}
	if to < len(all) {
		headers = append(headers, "Link", fmt.Sprintf(`<https://api.github.com/x?page=%d>; rel="next", <https://api.github.com/x?page=9>; rel="last"`, page+1))
	}
	if r.Header.Get("If-None-Match") == etag {
		answer(w, http.StatusNotModified, ``, headers...)
		return
	}
	answer(w, 200, fmt.Sprintf(`{"total_count":%d,"workflow_runs":[%s]}`, len(all), strings.Join(items, ",")), headers...)
}

func newRunList(h *hub) *runList {
	l := &runList{byStatus: map[string][]int64{}}
	h.on("GET /repos/octo-org/app/actions/runs", l.ServeHTTP)
	return l
}

func TestLiveRunsAskConditionally(t *testing.T) { // failure mode O7
	h := newHub(t)
	list := newRunList(h)
	c := h.client()
	steps := []struct {
		name    string
		change  func()
		want    []int64
		changed bool
	}{
		{"the first time", func() { list.set("queued", 3, 1); list.set("in_progress", 2) }, []int64{1, 2, 3}, true},
		{"nothing new", func() {}, []int64{1, 2, 3}, false},
		{"one list changes, the others are remembered", func() { list.set("queued", 4, 3) }, []int64{2, 3, 4}, true},
		{"a run that waits for approval", func() { list.set("waiting", 9) }, []int64{2, 3, 4, 9}, true},
		{"a run on two lists", func() { list.set("in_progress", 2, 3) }, []int64{2, 3, 4, 9}, true},
		{"all over", func() { list.set("queued"); list.set("waiting"); list.set("in_progress") }, []int64{}, true},
		{"still over", func() {}, []int64{}, false},
	}
	for _, step := range steps {
		step.change()
		got, changed, err := c.LiveRuns(t.Context(), repo())
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" || changed != step.changed {
			t.Errorf("%s: changed %v, want %v; runs (-want +got):\n%s", step.name, changed, step.changed, diff)
		}
	}
	var asked []string
	for _, r := range h.requests("/runs")[:4] {
		asked = append(asked, r.Query)
	}
	want := []string{
		"page=1&per_page=100&status=pending", "page=1&per_page=100&status=waiting",
		"page=1&per_page=100&status=queued", "page=1&per_page=100&status=in_progress",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestLiveRunsOfAnotherRepositoryAreOthers(t *testing.T) {
	h := newHub(t)
	newRunList(h).set("queued", 1)
	h.on("GET /repos/octo-org/other/actions/runs", always(200, `{"total_count":0,"workflow_runs":[]}`))
	c := h.client()
	other := repo()
	other.Name = "other"
	for range 2 {
		if got, _, err := c.LiveRuns(t.Context(), repo()); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
		if got, _, err := c.LiveRuns(t.Context(), other); err != nil || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestLiveRunsHavePages(t *testing.T) { // failure mode L5
	h := newHub(t)
	list := newRunList(h)
	c := h.client()
	ids := func(from, to int64) []int64 {
		var all []int64
		for id := from; id >= to; id-- {
			all = append(all, id)
		}
		return all
	}
	for _, step := range []struct {
		ids     []int64
		want    int
		calls   int
		changed bool
	}{
		{ids(250, 1), 250, 6, true},
		{ids(250, 1), 250, 6, false},
		{ids(251, 2), 250, 6, true}, // every page has shifted
		{ids(251, 102), 150, 5, true},
		{ids(251, 200), 52, 4, true},
		{ids(2000, 1), 1000, 13, true}, // GitHub shows no more
		{nil, 0, 4, true},
	} {
		list.set("queued", step.ids...)
		before := len(h.requests("/runs"))
		got, changed, err := c.LiveRuns(t.Context(), repo())
		if err != nil {
			t.Fatal(err)
		}
		calls := len(h.requests("/runs")) - before
		if len(got) != step.want || changed != step.changed || calls != step.calls {
			t.Errorf("%d runs listed: got %d in %d calls, changed %v; want %d in %d, %v",
				len(step.ids), len(got), calls, changed, step.want, step.calls, step.changed)
		}
		if !slices.IsSorted(got) {
			t.Error("not in ascending order")
		}
	}
}

func TestAChangeBeforeAnErrorIsNotForgotten(t *testing.T) {
	h := newHub(t)
	list := newRunList(h)
	c := h.client()
	if _, _, err := c.LiveRuns(t.Context(), repo()); err != nil {
		t.Fatal(err)
	}
	list.set("queued", 7)
	list.fail = "in_progress"
	if _, _, err := c.LiveRuns(t.Context(), repo()); err == nil {
		t.Fatal("no error though a list was not to be had")
	}
	list.fail = ""
	got, changed, err := c.LiveRuns(t.Context(), repo())
	if err != nil || !changed || !slices.Equal(got, []int64{7}) {
		t.Errorf("%v, changed %v, %v: want run 7 as a change", got, changed, err)
	}
}

func TestCancelRun(t *testing.T) {
	for status, fine := range map[int]bool{202: true, 409: true, 403: false, 500: false} {
		h := newHub(t)
		h.on("POST /repos/octo-org/app/actions/runs/6/cancel", always(status, `{}`))
		if err := h.client().CancelRun(t.Context(), repo(), 6); (err == nil) != fine {
			t.Errorf("answered %d: %v", status, err)
		}
	}
	t.Run("a run that is gone is over", func(t *testing.T) {
		h := newHub(t)
		h.on("GET /repos/octo-org/app", always(200, visibleRepo))
		if err := h.client().CancelRun(t.Context(), repo(), 6); err != nil {
			t.Error(err)
		}
	})
	t.Run("a run of a repository that is not shown is unknown", func(t *testing.T) {
		if err := newHub(t).client().CancelRun(t.Context(), repo(), 6); err == nil {
			t.Error("no error")
		}
	})
}
