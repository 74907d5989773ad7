package dashboard

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// The bounds of the overview's lists. The rest is a number and a link.
const (
	waitingShown = 6
	runningShown = 8
	latelyShown  = 12
	waitsShown   = 40 // ended jobs whose waits are drawn
)

// waitingJob is a job with why it waits.
type waitingJob struct {
	view.Job
	Why string
}

// overview is the first page.
type overview struct {
	view.Status
	Queued, Held, Running view.Count
	Waiting               []waitingJob
	Unshown               int // of those that wait, as far as they are counted
	RunningJobs           []view.Job
	RunningUnshown        int
	States                []segment
	Free                  int // places for further machines
	Waits                 waitsChart
	Lately                []happening
	Nothing               bool // no job has ever been seen
	Dead                  int  // messages that could not be applied
}

func (d *Dashboard) overview(r *http.Request) (content, error) {
	ctx := r.Context()
	counts, err := d.Queries.Status(ctx, d.About, d.Draining())
	if err != nil {
		return content{}, err
	}
	o := overview{Status: counts, States: segments(counts.Machines, d.About.MaxRunners), Free: max(0, d.About.MaxRunners-counts.Live), Dead: d.DeadCount(ctx)}
	for _, n := range counts.Jobs {
		switch fleet.JobState(n.State) {
		case fleet.JobQueued:
			o.Queued = n
		case fleet.JobWaiting:
			o.Held = n
		default:
			o.Running = n
		}
	}
	if err := d.fillOverview(ctx, &o); err != nil {
		return content{}, err
	}
	title := "Overview"
	if o.Queued.Count > 0 {
		title = countText(o.Queued) + " queued"
	}
	return content{Title: title, Nav: "overview", Self: "/", Data: o}, nil
}

func (d *Dashboard) fillOverview(ctx context.Context, o *overview) error {
	queued, err := d.Queries.Oldest(ctx, fleet.JobQueued, waitingShown) // those that wait the longest
	if err != nil {
		return err
	}
	held, err := d.Queries.Oldest(ctx, fleet.JobWaiting, waitingShown)
	if err != nil {
		return err
	}
	running, err := d.Queries.Jobs(ctx, query.Filter{State: fleet.JobInProgress, Limit: runningShown})
	if err != nil {
		return err
	}
	ended, err := d.Queries.Jobs(ctx, query.Filter{State: fleet.JobCompleted, Limit: waitsShown})
	if err != nil {
		return err
	}
	waiting := slices.Concat(queued, held)
	if o.Waiting, err = d.withReasons(ctx, waiting[:min(len(waiting), waitingShown)]); err != nil {
		return err
	}
	o.RunningJobs = running.Jobs
	o.Unshown = max(0, o.Queued.Count+o.Held.Count-len(o.Waiting))
	o.RunningUnshown = max(0, o.Running.Count-len(o.RunningJobs))
	o.Waits = waitsOf(ended.Jobs)
	o.Nothing = len(waiting)+len(running.Jobs)+len(ended.Jobs) == 0
	o.Lately, err = d.lately(ctx)
	return err
}

// withReasons adds to each job why it waits.
func (d *Dashboard) withReasons(ctx context.Context, jobs []view.Job) ([]waitingJob, error) {
	var ids []fleet.JobID
	for _, j := range jobs {
		if waits(j) {
			ids = append(ids, fleet.JobID{Host: j.Host, ID: j.ID})
		}
	}
	reasons, err := d.Reasons(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]waitingJob, 0, len(jobs))
	for _, j := range jobs {
		shown := waitingJob{Job: j}
		if waits(j) {
			shown.Why, reasons = reasons[0], reasons[1:]
		}
		out = append(out, shown)
	}
	return out, nil
}

func waits(j view.Job) bool {
	return j.State == string(fleet.JobQueued) || j.State == string(fleet.JobWaiting)
}

// happening is one line of what happened last.
type happening struct {
	view.Entry
	Job     *fleet.Job
	Machine *fleet.Machine
}

// lately merges the histories of the newest jobs and machines.
func (d *Dashboard) lately(ctx context.Context) ([]happening, error) {
	jobs, machines, err := d.Queries.Newest(ctx, latelyShown)
	if err != nil {
		return nil, err
	}
	var out []happening
	for i := range jobs {
		for _, e := range view.OfHistory(jobs[i].History) {
			out = append(out, happening{Entry: e, Job: &jobs[i]})
		}
	}
	for i := range machines {
		for _, e := range machines[i].History {
			if e.Kind == string(fleet.MachineReady) || e.Kind == string(fleet.MachineFailed) || e.Kind == string(fleet.MachineGone) {
				out = append(out, happening{Entry: view.Entry(e), Machine: &machines[i]})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b happening) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Text, b.Text)) })
	return out[:min(len(out), latelyShown)], nil
}
