package githubsim

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// What a person at github.com would do. Every call lets time pass first, and everything follow that is due.

// AddRepository creates a repository. The App is installed there too, when it is installed everywhere.
func (s *Simulator) AddRepository(spec RepositorySpec) error {
	var err error
	s.locked(func(now time.Time) {
		if _, err = s.world.AddRepository(spec, now); err == nil && s.app != nil && s.everywhere {
			s.installEverywhere()
		}
	})
	return err
}

// Commit changes a file, sends a push event, and returns the new commit's sha.
func (s *Simulator) Commit(f simclient.File) (string, error) {
	sha := ""
	err := s.onRepository(f.Repository, func(r *world.Repository, now time.Time) error {
		if f.Path == "" {
			return &world.InvalidError{Message: "a file needs a path"}
		}
		message := f.Message
		if message == "" {
			message = "Update " + f.Path
		}
		sha = s.world.Commit(r, f.Branch, map[string]string{f.Path: f.Content}, message, now).SHA
		return nil
	})
	return sha, err
}

// Dispatch starts a run.
func (s *Simulator) Dispatch(d simclient.Dispatch) (simclient.Run, error) {
	var state simclient.Run
	err := s.onRepository(d.Repository, func(r *world.Repository, now time.Time) error {
		run, err := s.world.Dispatch(r, d.Path, d.Trigger, now)
		if err != nil {
			return fmt.Errorf("dispatching: %w", err)
		}
		s.world.Advance(now)
		state = s.runState(run)
		return nil
	})
	return state, err
}

// Runs lists all runs, oldest first.
func (s *Simulator) Runs() []simclient.Run {
	list := []simclient.Run{}
	s.locked(func(time.Time) {
		for _, run := range s.world.Runs() {
			list = append(list, s.runState(run))
		}
	})
	return list
}

// Jobs lists the jobs of the latest attempts, oldest first: of one run, or of all with run 0.
func (s *Simulator) Jobs(run int64) []simclient.Job {
	list := []simclient.Job{}
	s.locked(func(now time.Time) {
		for _, r := range s.world.Runs() {
			if run != 0 && r.ID != run {
				continue
			}
			for _, job := range s.world.JobsOf(r, r.Attempt) {
				list = append(list, jobState(r, job, now))
			}
		}
	})
	return list
}

// Log returns what a job's runner has sent so far.
func (s *Simulator) Log(job int64) (string, error) {
	log := ""
	err := s.onJob(job, func(j *world.Job, _ time.Time) error {
		log = string(j.Log)
		return nil
	})
	return log, err
}

// Registrations lists the runners of all scopes, oldest first.
func (s *Simulator) Registrations() []simclient.Registration {
	list := []simclient.Registration{}
	s.locked(func(time.Time) {
		for _, r := range s.world.AllRunners() {
			state := simclient.Registration{
				ID: r.ID, Scope: r.Scope.Owner, Name: r.Name, Labels: r.Labels, Group: r.Group.Name, Online: r.Online(),
				Ephemeral: r.Ephemeral, Foreign: r.Foreign,
			}
			if r.Scope.Repository != "" {
				state.Scope += "/" + r.Scope.Repository
			}
			if r.Job() != nil {
				state.JobID = r.Job().ID
			}
			list = append(list, state)
		}
	})
	return list
}

// AddForeign registers a runner that the simulator plays.
func (s *Simulator) AddForeign(f simclient.Foreign) error {
	var err error
	s.locked(func(now time.Time) {
		scope := s.scopeNamed(f.Scope)
		if scope == nil {
			err = fmt.Errorf("finding the scope %q: %w", f.Scope, world.ErrNotFound)
			return
		}
		_, err = s.world.AddForeign(scope, f.Name, f.Labels, now)
	})
	return err
}

// Steal gives a queued job to a foreign runner.
func (s *Simulator) Steal(request simclient.Steal) error {
	return s.onJob(request.Job, func(job *world.Job, now time.Time) error {
		conclusion := world.Conclusion(request.Conclusion)
		if conclusion == "" {
			conclusion = world.Success
		}
		for _, r := range s.world.AllRunners() {
			if r.Foreign && strings.EqualFold(r.Name, request.Runner) {
				return s.world.Steal(job, r, time.Duration(request.Duration), conclusion, now)
			}
		}
		return fmt.Errorf("finding the foreign runner %q: %w", request.Runner, world.ErrNotFound)
	})
}

// Review approves or rejects what a run waits for.
func (s *Simulator) Review(request simclient.Review) error {
	return s.onRun(request.Run, func(run *world.Run, now time.Time) error {
		ids := s.world.EnvironmentIDs(run, request.Environment)
		if s.world.Review(run, ids, !request.Reject, now) == 0 {
			return &world.InvalidError{Message: fmt.Sprintf("run %d waits for no approval of %q", run.ID, request.Environment)}
		}
		return nil
	})
}

// Cancel cancels a run.
func (s *Simulator) Cancel(run int64) error { return s.onRun(run, s.world.Cancel) }

// Rerun starts a new attempt of a run, of all jobs or of those that failed.
func (s *Simulator) Rerun(run int64, failedOnly bool) error {
	if failedOnly {
		return s.onRun(run, s.world.RerunFailed)
	}
	return s.onRun(run, s.world.Rerun)
}

// Faults returns the faults that are on.
func (s *Simulator) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Faults()
}

// SetFaults replaces the faults.
func (s *Simulator) SetFaults(f Faults) { s.locked(func(time.Time) { s.world.SetFaults(f) }) }

// SetWebhook says where webhooks go from now on.
func (s *Simulator) SetWebhook(hook Webhook) { s.locked(func(time.Time) { s.hooks.hook = hook }) }

// Ping sends a ping event to the webhook.
func (s *Simulator) Ping() { s.locked(func(now time.Time) { s.hooks.ping(s.render(), now) }) }

// Deliveries lists the webhooks that were attempted, oldest first.
func (s *Simulator) Deliveries() []simclient.Delivery {
	list := []simclient.Delivery{}
	s.locked(func(time.Time) {
		for _, d := range s.hooks.done {
			list = append(list, simclient.Delivery{
				ID: d.id, GUID: d.guid, Event: d.event, Action: d.action, Redelivery: d.redelivery, At: d.attempted,
				StatusCode: d.response.StatusCode, Status: d.response.Status, Body: d.body,
			})
		}
	})
	return list
}

// Reports lists check runs and commit statuses, oldest first.
func (s *Simulator) Reports() []simclient.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]simclient.Report{}, s.reports...)
}

func (s *Simulator) onRepository(name string, f func(*world.Repository, time.Time) error) error {
	err := fmt.Errorf("finding the repository %q: %w", name, world.ErrNotFound)
	s.locked(func(now time.Time) {
		owner, short, _ := strings.Cut(name, "/")
		if r := s.world.Repository(owner, short); r != nil {
			err = f(r, now)
		}
	})
	return err
}

func (s *Simulator) onRun(id int64, f func(*world.Run, time.Time) error) error {
	err := fmt.Errorf("finding run %d: %w", id, world.ErrNotFound)
	s.locked(func(now time.Time) {
		if run := s.world.Run(id); run != nil {
			err = f(run, now)
		}
	})
	return err
}

func (s *Simulator) onJob(id int64, f func(*world.Job, time.Time) error) error {
	err := fmt.Errorf("finding job %d: %w", id, world.ErrNotFound)
	s.locked(func(now time.Time) {
		if job := s.world.Job(id); job != nil {
			err = f(job, now)
		}
	})
	return err
}

func (s *Simulator) scopeNamed(name string) *world.Scope {
	owner, repository, ok := strings.Cut(name, "/")
	if !ok {
		return s.world.Organization(owner)
	}
	return s.world.FindScope(owner, repository)
}

func (s *Simulator) runState(run *world.Run) simclient.Run {
	state := simclient.Run{
		ID: run.ID, Repository: run.Repository.FullName(), Workflow: run.Workflow.Path, Name: run.Workflow.Name, Number: run.Number,
		Attempt: run.Attempt, Event: run.EventName, SHA: run.Commit.SHA, Status: string(run.Status), Conclusion: string(run.Conclusion),
		CreatedAt: run.CreatedAt, UpdatedAt: run.UpdatedAt,
	}
	for _, e := range s.world.PendingEnvironments(run) {
		state.WaitsFor = append(state.WaitsFor, e.Name)
	}
	return state
}

func jobState(run *world.Run, job *world.Job, now time.Time) simclient.Job {
	state := simclient.Job{
		ID: job.ID, RunID: run.ID, Attempt: job.Attempt, Repository: run.Repository.FullName(), Key: job.Key, Name: job.Name,
		Labels: job.Labels, Status: string(job.Status), Conclusion: string(job.Conclusion), RunnerID: job.RunnerID,
		RunnerName: job.RunnerName, Outputs: job.Outputs, Missed: job.Missed, QueuedAt: job.QueuedAt, CompletedAt: job.CompletedAt,
	}
	switch {
	case job.RunnerName != "":
		state.StartedAt = job.StartedAt
		state.QueueWait = job.StartedAt.Sub(job.QueuedAt)
	case job.Status == world.Completed:
		state.QueueWait = job.CompletedAt.Sub(job.QueuedAt)
	default:
		state.QueueWait = now.Sub(job.QueuedAt)
	}
	return state
}

// isNotFound tells what the control endpoints answer with 404.
func isNotFound(err error) bool { return errors.Is(err, world.ErrNotFound) }
