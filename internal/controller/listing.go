package controller

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// listingEvery is how often a run's jobs are listed at most, whoever asks (rule 1.4).
const listingEvery = 10 * time.Second

// listings shares the listings of runs.
type listings struct {
	mu    sync.Mutex
	began map[string]time.Time // of the newest listing that was applied in full
}

func (l *listings) last(key string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.began[key]
}

func (l *listings) applied(key string, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.began == nil {
		l.began = map[string]time.Time{}
	}
	if began.After(l.began[key]) {
		l.began[key] = began
	}
	if len(l.began) > 10_000 {
		for k, t := range l.began {
			if began.Sub(t) > time.Hour {
				delete(l.began, k)
			}
		}
	}
}

// listRun lists and applies a run's jobs, unless that was done since after. It returns false if it must wait for its turn:
// a run is listed once in the given time, whoever asks.
func (c *Controller) listRun(ctx context.Context, r fleet.Repository, run int64, after time.Time, every time.Duration) (bool, error) {
	key := fmt.Sprintf("%s/%d/%d", r.Host, r.ID, run)
	last, now := c.listings.last(key), c.Clock.Now()
	if last.After(after) {
		return true, nil
	}
	if now.Sub(last) < every {
		return false, nil
	}
	jobs, err := c.github(ctx).RunJobs(r, run)
	if err != nil {
		return false, err
	}
	for _, j := range jobs {
		if err := c.Apply(ctx, j); err != nil {
			return false, err
		}
	}
	c.listings.applied(key, now)
	return true, nil
}

// listMatching lists the jobs of every run that has jobs which the machine's runner could match. It returns the jobs that
// our rows hold open afterwards, and false if a listing must wait for its turn.
func (c *Controller) listMatching(ctx context.Context, m fleet.Machine, after time.Time) (bool, error) {
	open, err := c.Records.OpenJobs(ctx, m.Repository.Host, m.Repository.ID)
	if err != nil {
		return false, err
	}
	var runs []int64
	for _, e := range open {
		if fleet.Matches(m.Labels, e.Folded) && !slices.Contains(runs, e.Run) {
			runs = append(runs, e.Run)
		}
	}
	all := true
	for _, run := range runs {
		done, err := c.listRun(ctx, m.Repository, run, after, listingEvery)
		if err != nil {
			return false, err
		}
		all = all && done
	}
	return all, nil
}

// listFor finds the job of a worker that GitHub has not named, and ends the machine's hold (rules 1.3, 1.4).
func (c *Controller) listFor(ctx context.Context, m kept) error {
	c.Observer.FellBack(FallbackUnattributed)
	done, err := c.listMatching(ctx, m.V, m.V.WorkerStarted)
	if err != nil {
		return err
	}
	err = c.changeMachine(ctx, m.V.ID, func(x *fleet.Machine, now time.Time) bool {
		if x.Job != 0 || x.HoldEnded {
			return false
		}
		if !done {
			x.Again = now.Add(listingEvery)
			return true
		}
		x.HoldEnded = true
		x.History = x.History.Add(now, "unattributed", "No job that we know names its runner; it is no longer counted for its demand.")
		return true
	})
	c.hints.now(m.V.Shape)
	return err
}

// unmatchedMost is how many runners of a demand may listen in vain before its unmatched jobs back off (rule 5.7).
const unmatchedMost = 2

// unmatched looks at a listener that has had no job for a minute (rules 5.6, 5.7).
func (c *Controller) unmatched(ctx context.Context, m kept) error {
	demand, err := c.Records.Demand(ctx, m.V.Demand)
	if err != nil {
		return err
	}
	queued, err := c.queuedOf(ctx, demand.V)
	if err != nil {
		return err
	}
	now := c.Clock.Now()
	if len(queued) == 0 || demand.V.LastStart.After(now.Add(-fleet.MatchIn)) {
		return c.changeMachine(ctx, m.V.ID, func(x *fleet.Machine, now time.Time) bool {
			x.NextMatch = now.Add(fleet.MatchIn)
			return x.State == fleet.MachineListening
		})
	}
	done, err := c.listMatching(ctx, m.V, m.V.Connected)
	if err != nil {
		return err
	}
	retired := false
	err = c.changeMachine(ctx, m.V.ID, func(x *fleet.Machine, now time.Time) bool {
		if x.State != fleet.MachineListening {
			return false
		}
		if !done {
			x.NextMatch = now.Add(listingEvery)
			return true
		}
		*x = retiring(*x, textUnmatched, now)
		retired = true
		return true
	})
	if err != nil || !retired {
		return err
	}
	c.Observer.FellBack(FallbackUnmatched)
	c.hints.now(m.V.Shape)
	c.wake(m.V.ID)
	return c.countUnmatched(ctx, m.V.Demand)
}

// countUnmatched counts a runner that listened in vain; after two, the jobs found unmatched back off.
func (c *Controller) countUnmatched(ctx context.Context, k fleet.DemandKey) error {
	var state fleet.DemandState
	err := c.retry(ctx, func() error {
		row, err := c.Records.Demand(ctx, k)
		if err != nil || !row.Exists() {
			return err
		}
		state = row.V
		state.Unmatched++
		return c.Records.Commit(ctx, c.Records.PutDemand(row, state, c.Clock.Now().Add(keepDemands)))
	})
	if err != nil || state.Unmatched < unmatchedMost {
		return err
	}
	queued, err := c.queuedOf(ctx, state)
	if err != nil {
		return err
	}
	for _, id := range queued {
		err := c.changeJob(ctx, id, func(j *fleet.Job, now time.Time) bool {
			if !j.Counts() || now.Before(j.BackoffUntil) || now.Sub(j.Queued) < fleet.MatchIn {
				return false
			}
			*j = j.FoundUnmatched(now)
			return true
		})
		if err != nil {
			return err
		}
		c.reportUnmatched(ctx, id)
	}
	return nil
}

// queuedOf lists the queued jobs of a demand.
func (c *Controller) queuedOf(ctx context.Context, d fleet.DemandState) ([]fleet.JobID, error) {
	entries, err := c.Records.Queued(ctx, d.Shape)
	if err != nil {
		return nil, err
	}
	var out []fleet.JobID
	for _, e := range entries {
		if e.Demand == d.Demand.Key() {
			out = append(out, e.Job)
		}
	}
	return out, nil
}

// reportUnmatched tells the author on the commit why nothing happens.
func (c *Controller) reportUnmatched(ctx context.Context, id fleet.JobID) {
	row, err := c.Records.Job(ctx, id)
	if err != nil || !row.Exists() || row.V.HeadSHA == "" || row.V.BackoffUntil.IsZero() {
		return
	}
	callCtx, cancel := c.Clock.WithTimeout(ctx, githubDeadline)
	defer cancel()
	err = c.GitHub.Report(callCtx, CommitReport{
		Repository: row.V.Repository, SHA: row.V.HeadSHA, Title: "no runner matches", URL: c.DashboardURL,
		Summary: "Job **" + row.V.Name + "** is queued, but GitHub gave it to none of two runners that listened for a minute each with exactly its labels. " +
			"The next try is at " + row.V.BackoffUntil.UTC().Format(time.RFC1123) + ".",
	})
	if err != nil {
		c.Observer.FellBack(FallbackReport)
		c.Logger.WarnContext(ctx, "the author could not be told on the commit", "job", id.ID, "error", err)
	}
}
