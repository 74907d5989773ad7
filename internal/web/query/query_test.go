package query_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
	"github.com/runs-fleet/runs-fleet/internal/web/webtest"
)

// state puts a job into a state, created so many minutes before noon.
func state(s fleet.JobState, minutes int) func(*fleet.Job) {
	return func(j *fleet.Job) {
		j.State, j.Created = s, webtest.Noon().Add(-time.Duration(minutes)*time.Minute)
		if s == fleet.JobCompleted {
			j.Ended = webtest.Noon()
		}
	}
}

func ids(jobs []view.Job) []int64 {
	out := []int64{}
	for _, j := range jobs {
		out = append(out, j.ID)
	}
	return out
}

func TestWhatWaitsComesFirstThenWhatRunsAndTheNewestFirst(t *testing.T) {
	w := webtest.New(t)
	w.PutJobs(t, webtest.Job(1, state(fleet.JobCompleted, 1)), webtest.Job(2, state(fleet.JobInProgress, 2)), webtest.Job(3, state(fleet.JobQueued, 9)),
		webtest.Job(4, state(fleet.JobQueued, 3)), webtest.Job(5, state(fleet.JobWaiting, 1)), webtest.Job(6, state(fleet.JobCompleted, 5)))
	page, err := query.New(w.Records, w.Clock).Jobs(t.Context(), query.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{4, 3, 5, 2, 1, 6}, ids(page.Jobs)); diff != "" || page.Next != "" {
		t.Errorf("next %q, %s", page.Next, diff)
	}
}

func TestFilters(t *testing.T) { // failure mode C16
	w := webtest.New(t)
	w.PutJobs(t,
		webtest.Job(11, state(fleet.JobQueued, 1)),
		webtest.Job(12, func(j *fleet.Job) { state(fleet.JobQueued, 2)(j); j.Repository.Name = "lib" }),
		webtest.Job(13, func(j *fleet.Job) { state(fleet.JobCompleted, 3)(j); j.Name = "Lint" }),
		webtest.Job(14, func(j *fleet.Job) { state(fleet.JobInProgress, 4)(j); j.Labels = []string{"runs-fleet/arch=arm64"} }),
	)
	for name, tt := range map[string]struct {
		filter query.Filter
		want   []int64
	}{
		"state":      {query.Filter{State: fleet.JobQueued}, []int64{11, 12}},
		"repository": {query.Filter{Repository: "Acme/Lib"}, []int64{12}},
		"name":       {query.Filter{Text: "lint"}, []int64{13}},
		"label":      {query.Filter{Text: "ARM64"}, []int64{14}},
		"id":         {query.Filter{Text: "14"}, []int64{14}},
		"both":       {query.Filter{Text: "ci", State: fleet.JobCompleted}, []int64{13}},
		"nothing":    {query.Filter{Text: "no such"}, []int64{}},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := query.New(w.Records, w.Clock).Jobs(t.Context(), tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, ids(page.Jobs)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whoever follows the cursors sees every job that matches exactly once, whatever the pages' size.
func TestPagesTogetherAreTheWholeList(t *testing.T) {
	w := webtest.New(t)
	states := []fleet.JobState{fleet.JobQueued, fleet.JobWaiting, fleet.JobInProgress, fleet.JobCompleted}
	const jobs = 110
	for i := range jobs {
		w.PutJobs(t, webtest.Job(int64(i+1), func(j *fleet.Job) {
			state(states[i%7%4], i)(j)
			j.Name = fmt.Sprintf("job %d", i%10)
		}))
	}
	q := query.New(w.Records, w.Clock)
	whole := func(t interface{ Fatal(...any) }, f query.Filter) []int64 {
		all := []int64{}
		for range 2 * jobs {
			page, err := q.Jobs(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Jobs) > f.Limit {
				t.Fatal("a page of", len(page.Jobs), "with limit", f.Limit)
			}
			all = append(all, ids(page.Jobs)...)
			if page.Next == "" {
				return all
			}
			f.Cursor = page.Next
		}
		t.Fatal("the pages do not end")
		return nil
	}
	rapid.Check(t, func(r *rapid.T) {
		f := query.Filter{
			Limit: rapid.IntRange(1, query.MaxPage).Draw(r, "limit"),
			State: rapid.SampledFrom(append(states, "")).Draw(r, "state"),
			Text:  rapid.SampledFrom([]string{"", "job 3", "nowhere"}).Draw(r, "text"),
		}
		got := whole(r, f)
		want := f
		want.Limit = query.MaxPage
		if diff := cmp.Diff(whole(r, want), got); diff != "" {
			r.Fatal(diff)
		}
		if sorted := slices.Clone(got); len(slices.Compact(slices.Sorted(slices.Values(sorted)))) != len(got) {
			r.Fatal("a job is listed twice")
		}
		if f.State == "" && f.Text == "" && len(got) != jobs {
			r.Fatal("listed", len(got), "of", jobs)
		}
	})
}

func TestACursorOfSomebodyElseIsRefused(t *testing.T) {
	w := webtest.New(t)
	q := query.New(w.Records, w.Clock)
	for _, cursor := range []string{"x", "%%%", "OTk6", "LTE6"} { // the last two are 99: and -1:
		if _, err := q.Jobs(t.Context(), query.Filter{Cursor: cursor}); !errors.Is(err, query.ErrCursor) {
			t.Errorf("%q: %v", cursor, err)
		}
	}
}

func TestStatusCountsWhatHasNotEnded(t *testing.T) { // failure mode C14
	w := webtest.New(t)
	w.PutJobs(t, webtest.Job(1, state(fleet.JobQueued, 1)), webtest.Job(2, state(fleet.JobQueued, 1)), webtest.Job(3, state(fleet.JobCompleted, 1)))
	w.PutMachines(t, webtest.Machine("m1", fleet.MachineWorking), webtest.Machine("m2", fleet.MachineGone))
	s, err := query.New(w.Records, w.Clock).Status(t.Context(), view.About{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]view.Count{{State: "queued", Count: 2}, {State: "waiting"}, {State: "in_progress"}}, s.Jobs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"working": 1}, s.Machines); diff != "" || s.Live != 1 {
		t.Errorf("live %d, %s", s.Live, diff)
	}
}

// slow is a clock on which everything takes ten milliseconds.
type slow struct{ webtest.Clock }

func (c *slow) Now() time.Time {
	_ = c.Sleep(context.Background(), 10*time.Millisecond)
	return c.Clock.Now()
}

func TestDearCountsAreUsedAgainForAWhile(t *testing.T) {
	w := webtest.New(t)
	clock := &slow{}
	q := query.New(w.Records, clock)
	live := func() int {
		counts, err := q.LiveMachines(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return counts["ready"]
	}
	if n := live(); n != 0 {
		t.Fatal(n)
	}
	w.PutMachines(t, webtest.Machine("m1", fleet.MachineReady))
	if n := live(); n != 0 {
		t.Errorf("%d machines, counted anew at once", n)
	}
	if err := clock.Sleep(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	if n := live(); n != 1 {
		t.Errorf("%d machines, a second later", n)
	}
}

func TestFailedMachinesOfAShape(t *testing.T) {
	w := webtest.New(t)
	failed := func(id string, shape fleet.ShapeKey, minutes int) {
		m := webtest.Machine(id, fleet.MachineFailed)
		m.Shape, m.Ended = shape, webtest.Noon().Add(-time.Duration(minutes)*time.Minute)
		m.Launched = m.Ended.Add(-time.Minute)
		w.PutMachines(t, m)
	}
	failed("a", "s", 1)
	failed("b", "s", 2)
	failed("c", "other", 2)
	failed("d", "s", 60)
	gone := webtest.Machine("e", fleet.MachineGone)
	gone.Shape = "s"
	w.PutMachines(t, gone)
	q := query.New(w.Records, w.Clock)
	for most, want := range map[int][]string{1: {"a"}, 9: {"a", "b"}} {
		machines, err := q.FailedMachines(t.Context(), "s", webtest.Noon().Add(-10*time.Minute), most)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range machines {
			got = append(got, m.ID.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTheMachineOfAJob(t *testing.T) {
	for text, want := range map[string]bool{"default/local/m1": true, "": false, "m1": false, "a/b/c/d": false} {
		id, ok := query.MachineOf(fleet.Job{Machine: text})
		if ok != want || ok && id.String() != text {
			t.Errorf("%q: %v %v", text, id, ok)
		}
	}
}
