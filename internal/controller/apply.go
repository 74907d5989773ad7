package controller

import (
	"context"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// lateQueued is the age beyond which a queued event is believed only after a GET (rule 1.5).
const lateQueued = 10 * time.Second

// Apply brings a sighting of a job into the rows: the job, its demand, and the machine whose runner it names, in one
// transaction. It may be called any number of times, in any order.
func (c *Controller) Apply(ctx context.Context, s fleet.Sighting) error {
	if s.Job == 0 || s.State.Rank() == 0 {
		return nil
	}
	return c.retry(ctx, func() error { return c.applyOnce(ctx, s) })
}

func (c *Controller) applyOnce(ctx context.Context, s fleet.Sighting) error {
	id := fleet.JobID{Host: s.Repository.Host, ID: s.Job}
	kept, err := c.Records.Job(ctx, id)
	if err != nil {
		return err
	}
	now := c.Clock.Now()
	if !kept.Exists() && !c.wanted(s) {
		return nil
	}
	if !s.Authoritative && s.State == fleet.JobQueued && !s.Created.IsZero() && now.Sub(s.Created) > lateQueued &&
		(!kept.Exists() || kept.V.State == fleet.JobWaiting) {
		c.Observer.FellBack(FallbackLateDelivery)
		return c.lookUp(ctx, s.Repository, s.Job)
	}
	job := kept.V.Job
	if !kept.Exists() {
		job = newJob(s, c.Fold(s.Labels), now)
	}
	over := false
	if s.Authoritative && s.State.Rank() < job.State.Rank() && s.RunAlive && !job.Regressed.IsZero() {
		if over, err = c.runnersOver(ctx, job); err != nil {
			return err
		}
	}
	job, change := job.See(s, now, over)
	if err := c.store(ctx, kept, job, change, now); err != nil {
		return err
	}
	c.observeJob(job, change, !kept.Exists(), s.Authoritative)
	return nil
}

// wanted says whether a job that we do not know concerns us.
func (c *Controller) wanted(s fleet.Sighting) bool {
	return c.Ours(s.Labels) && c.AllowOwner(s.Repository.Owner) && s.Conclusion != "skipped"
}

func newJob(s fleet.Sighting, folded []string, now time.Time) fleet.Job {
	j := fleet.Job{
		ID: fleet.JobID{Host: s.Repository.Host, ID: s.Job}, Run: s.Run, Attempt: s.Attempt, Repository: s.Repository,
		Name: s.Name, Workflow: s.Workflow, HeadSHA: s.HeadSHA, Branch: s.Branch, URL: s.URL,
		Labels: s.Labels, Folded: folded, State: s.State, Epoch: 1, Created: s.Created,
	}
	if j.Created.IsZero() {
		j.Created = now
	}
	source := "GitHub's webhook"
	if s.Authoritative {
		source = "a question to GitHub"
		j.Confirmed = s.Asked
	}
	switch s.State {
	case fleet.JobQueued:
		j.Queued = now
		j.History = j.History.Add(now, "queued", "Learned from "+source+" that the job is queued.")
	case fleet.JobWaiting:
		j.History = j.History.Add(now, "waiting", "Learned from "+source+" that the job waits for an approval or another run.")
	default:
		j.State = fleet.JobWaiting // See moves it on
		j.History = j.History.Add(now, "seen", "Learned from "+source+" of the job when it was "+string(s.State)+" already.")
	}
	return j
}

// store writes a job and everything that changes with it.
func (c *Controller) store(ctx context.Context, kept record.Kept[record.Job], job fleet.Job, change fleet.Change, now time.Time) error {
	var writes [][]store.Write
	var left fleet.ShapeKey
	var err error
	fresh := !kept.Exists()
	started := change.Moved && job.State == fleet.JobInProgress
	unresolved := job.Demand == "" && job.Problem == nil && !job.Over()
	if unresolved {
		if writes, left, err = c.resolve(ctx, &job, started, now); err != nil {
			return err
		}
	}
	if job.Counts() && (fresh || !kept.V.Counts()) {
		alive, err := c.Records.Alive(ctx, job.Shape)
		if err != nil {
			return err
		}
		writes = append(writes, c.Records.KeepAlive(alive, job.Shape))
	}
	var machine record.Kept[fleet.Machine]
	if change.Attribute != "" {
		if machine, err = c.attributed(ctx, &job, change, now, &writes); err != nil {
			return err
		}
	}
	if started && !unresolved {
		more, err := c.demandStarted(ctx, job, now)
		if err != nil {
			return err
		}
		writes = append(writes, more...)
	}
	row := record.Job{Job: job}
	row.Due = lookAtJobBy(kept, job, now)
	if fresh || change.Dirty || len(writes) > 0 {
		writes = append(writes, c.Records.PutJob(kept, row, keepJobs))
	}
	if err := c.Records.CommitSoon(ctx, writes...); err != nil { // the message that said it is deleted after Sync
		return err
	}
	c.applied(ctx, job, change, fresh, machine)
	c.hints.now(left) // not before: what looks earlier finds nothing to move
	return nil
}

// applied sets in motion what follows from a job that was written.
func (c *Controller) applied(ctx context.Context, job fleet.Job, change fleet.Change, fresh bool, machine record.Kept[fleet.Machine]) {
	if fresh || change.Moved {
		c.Logger.InfoContext(ctx, "job", "job", job.ID.ID, "state", job.State, "conclusion", job.Conclusion, "runner", job.Runner,
			"repository", job.Repository.FullName(), "epoch", job.Epoch)
		if job.Counts() {
			c.arrivals.count(job.ID, job.Shape, c.Clock.Now())
			c.hints.job(job.Shape)
		} else {
			c.hints.now(job.Shape)
		}
		c.noteRepository(ctx, job.Repository)
	}
	if machine.Exists() {
		c.hints.now(machine.V.Shape)
		c.wake(machine.V.ID)
	}
	if untold(job) && (fresh || change.Moved) {
		c.reportSoon(ctx, job.ID)
	}
}

// changeJob rewrites a job's row; f returns false to leave it.
func (c *Controller) changeJob(ctx context.Context, id fleet.JobID, f func(*fleet.Job, time.Time) bool) error {
	return c.retry(ctx, func() error {
		kept, err := c.Records.Job(ctx, id)
		if err != nil || !kept.Exists() {
			return err
		}
		j := kept.V.Job
		if !f(&j, c.Clock.Now()) {
			return nil
		}
		return c.Records.Commit(ctx, c.Records.PutJob(kept, record.Job{Job: j, Due: lookAtJobBy(kept, j, c.Clock.Now())}, keepJobs))
	})
}

// noteAgain is how often a repository is noted as active.
const noteAgain = time.Hour

// noteRepository keeps the list of repositories that the sweeps go through.
func (c *Controller) noteRepository(ctx context.Context, r fleet.Repository) {
	now := c.Clock.Now()
	if at, noted := c.noted.Load(r); noted && now.Sub(at.(time.Time)) < noteAgain { //nolint:forcetypeassert // only Stores below
		return
	}
	kept, err := c.Records.Repository(ctx, r.Host, r.ID)
	if err != nil {
		c.Logger.WarnContext(ctx, "a repository is not noted as active", "repository", r.FullName(), "error", err)
		return
	}
	if kept.Exists() && now.Sub(kept.V.Active) < noteAgain && kept.V.Repository == r {
		c.noted.Store(r, kept.V.Active)
		return
	}
	err = c.Records.Commit(ctx, c.Records.PutRepository(kept, record.Repository{Repository: r, Active: now}, now.Add(keepDemands)))
	if err != nil && !store.IsConflict(err) {
		c.Logger.WarnContext(ctx, "a repository is not noted as active", "repository", r.FullName(), "error", err)
	}
}
