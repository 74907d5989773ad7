package controller

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// resolve finds the job's demand and shape, or its problem, and makes their rows. started says that the job was already given
// to a runner when it was first heard of, which its demand's row remembers with the same write. left is the shape that the demand leaves, to
// be looked at when that is written.
func (c *Controller) resolve(ctx context.Context, job *fleet.Job, started bool, now time.Time) (writes [][]store.Write, left fleet.ShapeKey, err error) {
	if !job.Repository.Private && !c.AllowPublic(job.Repository) {
		job.Problem = &fleet.Problem{
			Title: "public repository not allowed",
			Detail: "Jobs of public repositories are refused, since anyone can change a workflow in a pull request. An operator can allow " +
				job.Repository.FullName() + " with the setting allow_public.",
		}
		job.Problem.Next = now.Add(reportAgain)
		job.History = job.History.Add(now, "refused", job.Problem.Detail)
		return nil, "", nil
	}
	resolved, err := c.Resolve(job.Repository, job.Labels)
	if err != nil {
		job.Problem = &fleet.Problem{Title: titleOf(err), Detail: err.Error(), Next: now.Add(reportAgain)}
		job.History = job.History.Add(now, "refused", "The labels cannot be served: "+err.Error())
		return nil, "", nil
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
	return c.demandRows(ctx, *job, demand, shape, resolved, started, now)
}

// titleOf is an error's one line for the commit. Errors with the same line are told once (one check run per commit and error).
func titleOf(err error) string {
	var titled interface{ Title() string }
	if errors.As(err, &titled) {
		return titled.Title()
	}
	return "these labels cannot be served"
}

// demandRows makes or moves the demand's row, and the heads of the shapes concerned (rule 1.9). left is the shape that it leaves.
func (c *Controller) demandRows(
	ctx context.Context, job fleet.Job, demand fleet.Demand, shape fleet.Shape, resolved fleet.Resolved, started bool, now time.Time,
) (writes [][]store.Write, left fleet.ShapeKey, err error) {
	row, err := c.Records.Demand(ctx, job.Demand)
	if err != nil {
		return nil, "", err
	}
	head, err := c.Records.Head(ctx, job.Shape)
	if err != nil {
		return nil, "", err
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
			return nil, "", err
		}
		was := old.V
		was.Key, was.Moved = former, without(old.V.Moved, job.Demand)
		was.Moved[job.Demand] = job.Shape
		writes = append(writes, c.Records.PutHead(old, was))
		h.Former = formers(h, former, old.V.Former)
		if now.Before(state.RefusedUntil) { // GitHub refuses the demand, whatever its shape (rule 4.6)
			h.Refused = maps.Clone(h.Refused)
			if h.Refused == nil {
				h.Refused = map[fleet.DemandKey]time.Time{}
			}
			h.Refused[job.Demand] = state.RefusedUntil
		}
		left = former
	}
	_, back := h.Moved[job.Demand]
	if back { // even if the demand's row has expired, so that nothing else says that it ever left
		h.Moved = without(h.Moved, job.Demand)
	}
	if !head.Exists() || former != job.Shape || back {
		writes = append(writes, c.Records.PutHead(head, h))
	}
	if started || !row.Exists() || former != job.Shape || !slices.Equal(state.RawLabels, job.Labels) || state.Repository != job.Repository {
		if started {
			c.endBackoffsOf(ctx, job, state)
			state = state.Started(now)
		}
		state.Shape, state.RawLabels, state.Repository, state.MaxRuntime = job.Shape, job.Labels, job.Repository, resolved.MaxRuntime
		writes = append(writes, c.Records.PutDemand(row, state, now.Add(keepDemands)))
	}
	return writes, left, nil
}

// formers adds to a shape's former ones that from which a demand comes, and those from which it may have come there: a machine
// that is held for it may be of any of them (rule 1.9).
func formers(h record.Head, from fleet.ShapeKey, before []fleet.ShapeKey) []fleet.ShapeKey {
	all := slices.Clone(h.Former)
	for _, k := range append([]fleet.ShapeKey{from}, before...) {
		if k != h.Key && !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}

// without copies where demands have moved, for all but one.
func without(moved map[fleet.DemandKey]fleet.ShapeKey, demand fleet.DemandKey) map[fleet.DemandKey]fleet.ShapeKey {
	out := map[fleet.DemandKey]fleet.ShapeKey{}
	for k, v := range moved {
		if k != demand {
			out[k] = v
		}
	}
	return out
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
	c.endBackoffsOf(ctx, job, row.V)
	return [][]store.Write{c.Records.PutDemand(row, row.V.Started(now), now.Add(keepDemands))}, nil
}

// endBackoffsOf lets the other jobs of a demand count again, beside the write that notes the start of one.
func (c *Controller) endBackoffsOf(ctx context.Context, job fleet.Job, d fleet.DemandState) {
	if d.Unmatched >= unmatchedMost {
		c.spawn(ctx, "end back-off of "+string(job.Demand), func(ctx context.Context) { c.endBackoffs(context.WithoutCancel(ctx), job.Shape, job.Demand) })
	}
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
