package dashboard

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/timeline"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// failuresShown is how many machines are named that failed while a job waited.
const failuresShown = 3

// jobPage is all that is known of a job.
type jobPage struct {
	view.Job
	Why         string
	Parts       []timeline.Part
	Machine     *view.Machine
	Diagnostics string // what the runner on its machine says, while the job runs
	Logs        string // address of its machine's logs, once the job has ended
	Console     bool   // what its machine printed is among them, or may be
	Failures    []view.Machine
	History     []happening
}

func (d *Dashboard) job(r *http.Request) (content, error) {
	ctx := r.Context()
	j, err := d.jobOf(r)
	if err != nil {
		return content{}, err
	}
	now := d.Clock.Now()
	p := jobPage{Job: view.OfJob(j, now)}
	m, err := d.machineOf(ctx, j)
	if err != nil {
		return content{}, err
	}
	if m != nil {
		shown := view.OfMachine(*m)
		p.Machine = &shown
		if !j.Over() {
			p.Diagnostics = m.Diagnostics
		}
	}
	if id, ok := query.MachineOf(j); ok && j.Over() {
		p.Logs = machineURL(id.Site.Environment, id.Site.Region, id.ID)
		p.Console = m == nil || m.State == fleet.MachineFailed || m.Archived // logs are kept longer than the rows of machines
	}
	if waits(p.Job) {
		if err := d.explain(ctx, j, &p); err != nil {
			return content{}, err
		}
	}
	p.Parts, p.History = timeline.Of(j, m, now), together(j, m)
	title := p.Name
	if title == "" {
		title = "Job " + strconv.FormatInt(p.ID, 10)
	}
	return content{Title: title, Nav: "jobs", Self: jobURL(j.ID.Host, j.ID.ID), Data: p}, nil
}

// explain adds why a job waits, and the machines that failed meanwhile.
func (d *Dashboard) explain(ctx context.Context, j fleet.Job, p *jobPage) error {
	reasons, err := d.Reasons(ctx, []fleet.JobID{j.ID})
	if err != nil {
		return err
	}
	p.Why = reasons[0]
	if !j.Counts() { // no machine is started for it
		return nil
	}
	failed, err := d.Queries.FailedMachines(ctx, j.Shape, j.Queued, failuresShown)
	for _, m := range failed {
		p.Failures = append(p.Failures, view.OfMachine(m))
	}
	return err
}

func (d *Dashboard) jobOf(r *http.Request) (fleet.Job, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return fleet.Job{}, query.ErrNotFound
	}
	return d.Queries.Job(r.Context(), fleet.JobID{Host: r.PathValue("host"), ID: id})
}

// machineOf returns the machine of a job's runner; nil if it is none of ours, or no longer kept.
func (d *Dashboard) machineOf(ctx context.Context, j fleet.Job) (*fleet.Machine, error) {
	id, ok := query.MachineOf(j)
	if !ok {
		return nil, nil //nolint:nilnil // a job without a machine is usual
	}
	m, err := d.Queries.Machine(ctx, id)
	if errors.Is(err, query.ErrNotFound) {
		return nil, nil //nolint:nilnil // as above
	}
	return &m, err
}

// together merges the histories of a job and its machine, the oldest first.
func together(j fleet.Job, m *fleet.Machine) []happening {
	var out []happening
	for _, e := range view.OfHistory(j.History) {
		out = append(out, happening{Entry: e, Job: &j})
	}
	if m != nil {
		for _, e := range view.OfHistory(m.History) {
			out = append(out, happening{Entry: e, Machine: m})
		}
	}
	slices.SortStableFunc(out, func(a, b happening) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	return out
}
