package simulate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

const (
	owner = "acme"
	host  = "github.sim"
)

// hub is GitHub: the simulator's state machine, without its HTTP.
type hub struct {
	w          *World
	gh         *world.World
	repos      []*world.Repository
	listeners  []*machine // those that are connected, in the order in which they connected
	foreign    []*world.Runner
	deliveries int
	refused    map[string]time.Time      // label sets whose registrations are refused, until when
	strangers  map[string]bool           // registrations of another fleet
	ran        map[int64]bool            // jobs that were told to be in progress
	requeued   map[int64]int             // how often a job that was told so was queued again
	changed    map[int64]time.Time       // when a job's status last changed
	gave       map[int64]map[string]bool // the runners that GitHub said had a job
	minted     map[string]time.Time      // when a registration was made
	deleted    map[string]bool           // registrations that we deleted
}

func newHub(w *World) *hub {
	now := w.s.now
	h := &hub{
		w: w, gh: world.New(newStream(w.cfg.Seed, purposeGitHub), 0, now), refused: map[string]time.Time{},
		strangers: map[string]bool{}, ran: map[int64]bool{}, requeued: map[int64]int{}, changed: map[int64]time.Time{},
		gave: map[int64]map[string]bool{}, minted: map[string]time.Time{}, deleted: map[string]bool{},
	}
	h.gh.SetFaults(world.Faults{
		CompletedNeverSent: w.cfg.Rates[CompletedNeverSent], IdleRemoval: w.cfg.Rates[IdleRemoved],
		DeleteBusyAnswered: w.cfg.Rates[DeletedWhileBusy], DeleteIdleRefused: w.cfg.Rates[RefusedWhileIdle],
		BusyLag:        world.Duration(w.cfg.Rates[BusyLags] * float64(10*time.Second)),
		AssignmentLost: w.cfg.Rates[AssignmentLost], InProgressEarly: w.cfg.Rates[InProgressEarly],
		RunCompletesEarly: w.cfg.Rates[RunCompletesEarly],
	})
	for _, name := range []string{"shop", "till"} {
		r, err := h.gh.AddRepository(world.RepositorySpec{Owner: owner, Name: name, Private: true, Organization: true, Files: w.files()}, now)
		if err != nil {
			panic("simulate: " + err.Error())
		}
		h.repos = append(h.repos, r)
		h.addStrangers(r)
	}
	return h
}

// addStrangers registers runners of others: one that plays the thief, and two whose names look like ours (RightFleet).
func (h *hub) addStrangers(r *world.Repository) {
	thief, err := h.gh.AddForeign(r.Scope, "thief-of-"+r.Name, []string{"self-hosted", sharedSmall, sharedLarge}, h.w.s.now)
	if err != nil {
		panic("simulate: " + err.Error())
	}
	h.foreign = append(h.foreign, thief)
	for _, name := range []string{"rf-00000000-i-0001-1", "build-machine"} {
		if _, _, err := h.gh.Register(r.Scope, name+"-"+r.Name, 1, []string{"other"}, h.w.s.now); err != nil {
			panic("simulate: " + err.Error())
		}
		h.strangers[name+"-"+r.Name] = true
	}
}

// quiet switches GitHub's own faults off.
func (h *hub) quiet() { h.gh.SetFaults(world.Faults{}) }

func repositoryOf(r *world.Repository) fleet.Repository {
	return fleet.Repository{Host: host, ID: r.ID, Owner: r.Owner.Login, Name: r.Name, Private: r.Private, Installation: 1}
}

func (h *hub) repositories() []fleet.Repository {
	var out []fleet.Repository
	for _, r := range h.repos {
		out = append(out, repositoryOf(r))
	}
	return out
}

func (h *hub) repository(r fleet.Repository) *world.Repository {
	i := slices.IndexFunc(h.repos, func(x *world.Repository) bool { return x.ID == r.ID })
	if i < 0 {
		return nil
	}
	return h.repos[i]
}

// advance lets GitHub do what is due, tells by webhook what has happened, and gives connected listeners their jobs.
func (h *hub) advance() {
	h.gh.Advance(h.w.s.now)
	for _, e := range h.gh.TakeEvents() {
		if e.Name == "workflow_job" {
			h.tell(e)
		}
	}
	for _, m := range slices.Clone(h.listeners) {
		m.listen()
	}
}

// tick makes GitHub's own clocks go.
func (h *hub) tick() {
	h.advance()
	h.w.s.after(time.Second, "github", h.tick)
}

// sighting is what GitHub says of a job.
func sighting(job *world.Job, run *world.Run) fleet.Sighting {
	s := fleet.Sighting{
		Job: job.ID, Run: run.ID, Attempt: job.Attempt, Repository: repositoryOf(run.Repository), State: fleet.JobState(job.Status),
		Runner: job.RunnerName, RunnerID: job.RunnerID, Labels: job.Labels, Name: job.Name, Workflow: run.Workflow.Name,
		HeadSHA: run.Commit.SHA, Branch: run.HeadBranch,
		Created: job.CreatedAt.Truncate(time.Second), Started: job.StartedAt.Truncate(time.Second), Ended: job.CompletedAt.Truncate(time.Second),
	}
	switch job.Status {
	case world.Pending:
		s.State = fleet.JobWaiting
	case world.Completed:
		s.Conclusion = string(job.Conclusion)
	case world.Waiting, world.Queued, world.InProgress:
	}
	return s
}

// truth is the answer of a GET.
func (h *hub) truth(job *world.Job, asked time.Time) fleet.Sighting {
	run := h.gh.Run(job.RunID)
	s := sighting(job, run)
	s.Authoritative, s.Asked, s.RunAlive = true, asked, run.Status != world.Completed
	return s
}

// tell sends the webhook of an event, if it is sent at all.
func (h *hub) tell(e world.Event) {
	w := h.w
	about := fmt.Sprintf("job %d", e.Job.ID)
	w.history.add(about, "GitHub: %s is %s, runner %q", about, e.Job.Status, e.Job.RunnerName)
	h.changed[e.Job.ID] = w.s.now
	if e.Job.RunnerName != "" {
		if h.gave[e.Job.ID] == nil {
			h.gave[e.Job.ID] = map[string]bool{}
		}
		h.gave[e.Job.ID][e.Job.RunnerName] = true
	}
	switch {
	case e.Job.Status == world.InProgress:
		h.ran[e.Job.ID] = true
		w.check.started(e.Job)
	case e.Job.Status == world.Queued && h.ran[e.Job.ID]:
		h.requeued[e.Job.ID]++
	}
	d := h.render(e)
	wait := w.fate.between(50*time.Millisecond, 1500*time.Millisecond)
	lost, late, twice := w.strikes(WebhookLost), w.strikes(WebhookLate), w.strikes(WebhookTwice)
	much := w.fate.between(5*time.Second, 10*time.Minute)
	if late {
		wait += much
	}
	if lost {
		w.check.recovery.lost(e.Job.ID, fleet.JobState(e.Action))
		w.history.add(about, "GitHub: the webhook about %s being %s is lost", about, e.Job.Status)
		return
	}
	w.s.after(wait, d.key, func() { h.deliver(d) })
	if twice {
		w.s.after(wait+much, d.key+" again", func() { h.deliver(d) })
	}
}

// deliver sends a delivery to one replica, whose ingress stores it before it answers.
func (h *hub) deliver(d delivery) {
	w := h.w
	w.ask(w.anyReplica(), d.key, func(ctx context.Context, r *replica) (any, error) {
		return nil, d.send(ctx, w, r.server)
	}, func(_ any, err error) {
		if err != nil {
			w.history.add(jobName(d.job), "GitHub: the delivery of %s failed: %v", d.key, err)
		}
	})
}

// ours says whether a registration belongs to the simulated fleet.
func (h *hub) ours(r *world.Runner) bool { return !r.Foreign && !h.strangers[r.Name] }

// registeredAt returns when a registration that GitHub has was made.
func (h *hub) registeredAt(name string) (at time.Time, exists bool) {
	for _, r := range h.gh.AllRunners() {
		if r.Name == name {
			return h.minted[name], true
		}
	}
	return time.Time{}, false
}

// registered lists the fleet's registrations.
func (h *hub) registered() []string {
	var out []string
	for _, r := range h.gh.AllRunners() {
		if h.ours(r) {
			out = append(out, r.Name)
		}
	}
	return out
}

// jobs calls f for every job that GitHub has ever made, of runs' latest attempts.
func (h *hub) jobs(f func(*world.Run, *world.Job)) {
	for _, run := range h.gh.Runs() {
		for _, job := range h.gh.JobsOf(run, run.Attempt) {
			f(run, job)
		}
	}
}

// matches is GitHub's superset rule, whatever the case.
func matches(runner, job []string) bool {
	for _, wanted := range job {
		if !slices.ContainsFunc(runner, func(have string) bool { return strings.EqualFold(have, wanted) }) {
			return false
		}
	}
	return true
}

func labelSet(labels []string) string { return strings.Join(labels, "\x00") }
