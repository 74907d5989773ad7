package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	var err error
	fresh := !kept.Exists()
	if job.Demand == "" && job.Problem == nil && !job.Over() {
		more, err := c.resolve(ctx, &job, now)
		if err != nil {
			return err
		}
		writes = append(writes, more...)
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
		if machine, err = c.attributed(ctx, &job, change.Attribute, now, &writes); err != nil {
			return err
		}
	}
	if change.Moved && job.State == fleet.JobInProgress {
		more, err := c.demandStarted(ctx, job, now)
		if err != nil {
			return err
		}
		writes = append(writes, more...)
	}
	row := record.Job{Job: job}
	row.Due = nextJobLook(job)
	if fresh || change.Dirty || len(writes) > 0 {
		writes = append(writes, c.Records.PutJob(kept, row, keepJobs))
	}
	if err := c.Records.Commit(ctx, writes...); err != nil {
		return err
	}
	c.applied(ctx, job, change, fresh, machine)
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
		c.wakes.wake(machine.V.ID)
	}
	if untold(job) && (fresh || change.Moved) {
		c.reportSoon(ctx, job.ID)
	}
}

// resolve finds the job's demand and shape, or its problem, and makes their rows.
func (c *Controller) resolve(ctx context.Context, job *fleet.Job, now time.Time) ([][]store.Write, error) {
	if !job.Repository.Private && !c.AllowPublic(job.Repository) {
		job.Problem = &fleet.Problem{
			Title: "public repository not allowed",
			Detail: "Jobs of public repositories are refused, since anyone can change a workflow in a pull request. An operator can allow " +
				job.Repository.FullName() + " with the setting allow_public.",
		}
		job.Problem.Next = now.Add(reportAgain)
		job.History = job.History.Add(now, "refused", job.Problem.Detail)
		return nil, nil
	}
	resolved, err := c.Resolve(job.Repository, job.Labels)
	if err != nil {
		job.Problem = &fleet.Problem{Title: titleOf(err), Detail: err.Error(), Next: now.Add(reportAgain)}
		job.History = job.History.Add(now, "refused", "The labels cannot be served: "+err.Error())
		return nil, nil
	}
	for _, w := range resolved.Warnings {
		job.History = job.History.Add(now, "warning", w)
	}
	shape := fleet.Shape{Environment: resolved.Environment, Spec: resolved.Spec}
	demand := fleet.Demand{
		Host: job.ID.Host, Installation: job.Repository.Installation, RepositoryID: job.Repository.ID,
		Labels: job.Folded, Environment: resolved.Environment,
	}
	job.Demand, job.Shape, job.Environment, job.Retry = demand.Key(), shape.Key(), resolved.Environment, resolved.Retry
	return c.demandRows(ctx, *job, demand, shape, resolved, now)
}

// titleOf is an error's one line for the commit. Errors with the same line are told once (one check run per commit and error).
func titleOf(err error) string {
	var titled interface{ Title() string }
	if errors.As(err, &titled) {
		return titled.Title()
	}
	return "these labels cannot be served"
}

// demandRows makes or moves the demand's row, and the heads of the shapes concerned (rule 1.9).
func (c *Controller) demandRows(
	ctx context.Context, job fleet.Job, demand fleet.Demand, shape fleet.Shape, resolved fleet.Resolved, now time.Time,
) ([][]store.Write, error) {
	var writes [][]store.Write
	row, err := c.Records.Demand(ctx, job.Demand)
	if err != nil {
		return nil, err
	}
	head, err := c.Records.Head(ctx, job.Shape)
	if err != nil {
		return nil, err
	}
	state := row.V
	if !row.Exists() {
		state = fleet.DemandState{Demand: demand, Shape: job.Shape}
	}
	h := head.V
	if !head.Exists() {
		h = record.Head{Key: job.Shape, Shape: shape}
	}
	former := state.Shape
	if former != job.Shape {
		old, err := c.Records.Head(ctx, former)
		if err != nil {
			return nil, err
		}
		moved := map[fleet.DemandKey]fleet.ShapeKey{job.Demand: job.Shape}
		for k, v := range old.V.Moved {
			if k != job.Demand {
				moved[k] = v
			}
		}
		was := old.V
		was.Key, was.Moved = former, moved
		writes = append(writes, c.Records.PutHead(old, was))
		if !slices.Contains(h.Former, former) {
			h.Former = append(slices.Clone(h.Former), former)
		}
		c.hints.now(former)
	}
	if _, back := h.Moved[job.Demand]; back {
		moved := map[fleet.DemandKey]fleet.ShapeKey{}
		for k, v := range h.Moved {
			if k != job.Demand {
				moved[k] = v
			}
		}
		h.Moved = moved
	}
	if !head.Exists() || former != job.Shape {
		writes = append(writes, c.Records.PutHead(head, h))
	}
	if !row.Exists() || former != job.Shape || !slices.Equal(state.RawLabels, job.Labels) || state.Repository != job.Repository {
		state.Shape, state.RawLabels, state.Repository, state.MaxRuntime = job.Shape, job.Labels, job.Repository, resolved.MaxRuntime
		writes = append(writes, c.Records.PutDemand(row, state, now.Add(keepDemands)))
	}
	return writes, nil
}

// attributed writes the machine whose runner GitHub named (rules 1.11, 5.1). It returns the machine, if it is ours.
func (c *Controller) attributed(ctx context.Context, job *fleet.Job, runner string, now time.Time, writes *[][]store.Write) (record.Kept[fleet.Machine], error) {
	pointer, err := c.Records.MachineOfRunner(ctx, job.ID.Host, runner)
	if err != nil || !pointer.Exists() {
		return record.Kept[fleet.Machine]{}, err
	}
	kept, err := c.Records.Machine(ctx, pointer.V.Machine)
	if err != nil || !kept.Exists() {
		return record.Kept[fleet.Machine]{}, err
	}
	if runner == job.Runner {
		job.Machine = pointer.V.Machine.String()
	}
	m, changed := attribute(kept.V, *job, runner, now)
	if !changed {
		return record.Kept[fleet.Machine]{}, nil
	}
	*writes = append(*writes, c.putMachine(kept, m))
	return kept, nil
}

// attribute says what a job that names one of a machine's runners does to the machine. Pure.
func attribute(m fleet.Machine, job fleet.Job, runner string, now time.Time) (fleet.Machine, bool) {
	changed := false
	if m.Job != job.ID.ID && (m.Job == 0 || job.State == fleet.JobInProgress) {
		m.Job, m.JobNamed, m.JobEnded = job.ID.ID, now, time.Time{}
		m.History = m.History.Add(now, "job", fmt.Sprintf("GitHub says that it runs job %d (%s).", job.ID.ID, job.Name))
		changed = true
	}
	if job.Over() && m.Job == job.ID.ID && m.JobEnded.IsZero() && m.Newest() != nil && m.Newest().Name == runner { // rule 6.3: the newest only
		m.JobEnded = now
		changed = true
	}
	switch m.State {
	case fleet.MachineAssigned, fleet.MachineListening:
		m = m.To(fleet.MachineWorking, now, "GitHub gave it a job.")
		changed = true
	case fleet.MachineRetiring:
		if job.State == fleet.JobInProgress && !m.Retire.Goodbye && !m.Retire.Confirmed {
			m.Retire = nil
			m = m.To(fleet.MachineWorking, now, "It was to end, but GitHub gave it a job.") // rule 6.1
			changed = true
		}
	default:
	}
	return m, changed
}

// runnersOver says whether every runner that the rows attribute to the job is gone, not ours, or at work on another job as
// a GET shows (rule 5.3).
func (c *Controller) runnersOver(ctx context.Context, job fleet.Job) (bool, error) {
	for _, name := range job.Runners() {
		pointer, err := c.Records.MachineOfRunner(ctx, job.ID.Host, name)
		if err != nil {
			return false, err
		}
		if !pointer.Exists() {
			continue
		}
		m, err := c.Records.Machine(ctx, pointer.V.Machine)
		if err != nil {
			return false, err
		}
		if !m.Exists() || !m.V.Live() {
			continue
		}
		if m.V.Job == 0 || m.V.Job == job.ID.ID {
			return false, nil
		}
		truth, err := c.github(ctx).Job(m.V.Repository, m.V.Job)
		if err != nil {
			return false, err
		}
		if truth.State != fleet.JobInProgress || !m.V.Named(truth.Runner) {
			return false, nil
		}
	}
	return true, nil
}

// lookUp asks GitHub for a job and applies the answer.
func (c *Controller) lookUp(ctx context.Context, repository fleet.Repository, id int64) error {
	truth, err := c.github(ctx).Job(repository, id)
	if errors.Is(err, ErrNoJob) {
		return c.forget(ctx, fleet.JobID{Host: repository.Host, ID: id})
	}
	if err != nil {
		return err
	}
	return c.Apply(ctx, truth)
}

// forget ends a job that GitHub no longer knows: its run was deleted.
func (c *Controller) forget(ctx context.Context, id fleet.JobID) error {
	kept, err := c.Records.Job(ctx, id)
	if err != nil || !kept.Exists() || kept.V.Over() {
		return err
	}
	now := c.Clock.Now()
	return c.Apply(ctx, fleet.Sighting{
		Job: id.ID, Run: kept.V.Run, Repository: kept.V.Repository, State: fleet.JobCompleted, Conclusion: "deleted",
		Authoritative: true, Asked: now,
	})
}

// demandStarted ends the demand's back-off for want of a match (rule 5.7).
func (c *Controller) demandStarted(ctx context.Context, job fleet.Job, now time.Time) ([][]store.Write, error) {
	if job.Demand == "" {
		return nil, nil
	}
	row, err := c.Records.Demand(ctx, job.Demand)
	if err != nil || !row.Exists() {
		return nil, err
	}
	if row.V.Unmatched >= unmatchedMost {
		c.spawn(ctx, "end back-off of "+string(job.Demand), func(ctx context.Context) { c.endBackoffs(context.WithoutCancel(ctx), job.Shape, job.Demand) })
	}
	return [][]store.Write{c.Records.PutDemand(row, row.V.Started(now), now.Add(keepDemands))}, nil
}

// endBackoffs lets the jobs of a demand count again.
func (c *Controller) endBackoffs(ctx context.Context, shape fleet.ShapeKey, demand fleet.DemandKey) {
	entries, err := c.Records.Queued(ctx, shape)
	if err != nil {
		c.Observer.FellBack(FallbackHint)
		c.Logger.WarnContext(ctx, "jobs that back off do so until their time", "error", err)
		return
	}
	for _, e := range entries {
		if e.Demand != demand || e.BackoffUntil.IsZero() {
			continue
		}
		err := c.changeJob(ctx, e.Job, func(j *fleet.Job, _ time.Time) bool {
			j.BackoffUntil = time.Time{}
			return j.Counts()
		})
		if err != nil {
			c.Observer.FellBack(FallbackHint)
			c.Logger.WarnContext(ctx, "a job backs off until its time", "job", e.Job.ID, "error", err)
		}
	}
	c.hints.now(shape)
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
		return c.Records.Commit(ctx, c.Records.PutJob(kept, record.Job{Job: j, Due: nextJobLook(j)}, keepJobs))
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
