package github_test

import (
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

const simWorkflow = `
on: workflow_dispatch
jobs:
  one:
    runs-on: [runs-fleet=1/cpu=2, Linux]
    steps: [{run: "true"}]
  two:
    needs: one
    runs-on: runs-fleet=2
    steps: [{run: "true"}]
`

// simulated is the client on a simulated GitHub, over HTTP.
type simulated struct {
	sim    *githubsim.Simulator
	client *github.Client
	repo   fleet.Repository
	sha    string
	run    int64
}

func simulate(t *testing.T, as func(*github.Options), change ...func(*githubsim.Options)) *simulated {
	t.Helper()
	o := githubsim.Options{
		App:            &githubsim.App{ID: 4711, Slug: "runs-fleet", PublicKey: &appKey().PublicKey},
		PersonalTokens: []githubsim.PersonalToken{{Token: personalToken, Login: "ann"}},
		Repositories:   []githubsim.RepositorySpec{{Owner: "octo-org", Name: "app", Private: true, Organization: true}},
		Passive:        true,
	}
	for _, c := range change {
		c(&o)
	}
	sim, err := githubsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	sim.SetBaseURL(server.URL)
	s := &simulated{sim: sim}
	if s.sha, err = sim.Commit(simclient.File{Repository: "octo-org/app", Path: ".github/workflows/ci.yml", Content: simWorkflow}); err != nil {
		t.Fatal(err)
	}
	run, err := sim.Dispatch(simclient.Dispatch{Repository: "octo-org/app", Path: ".github/workflows/ci.yml"})
	if err != nil {
		t.Fatal(err)
	}
	s.run = run.ID
	sim.Step(t.Context())
	transport := github.NewTransport()
	t.Cleanup(transport.CloseIdleConnections)
	options := github.Options{
		BaseURL: server.URL + "/api/v3", Transport: validating(t, transport), Clock: seam.System{}, Random: seam.Crypto{}, Token: personalToken,
	}
	as(&options)
	if s.client, err = github.New(options); err != nil {
		t.Fatal(err)
	}
	if s.repo, err = s.client.Repository(t.Context(), "octo-org", "app"); err != nil {
		t.Fatal(err)
	}
	return s
}

// Every call of the client, on a GitHub that keeps state and checks each request and answer against GitHub's own
// description of its API.
func TestOnASimulatedGitHub(t *testing.T) {
	for name, as := range map[string]func(*github.Options){"app": asApp, "personal": func(*github.Options) {}} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, as)
			if (s.repo.Installation != 0) != (name == "app") || s.repo.ID == 0 || !s.repo.Private {
				t.Errorf("repository %+v", s.repo)
			}
			t.Run("jobs", s.jobs)
			t.Run("runners", s.runners)
			t.Run("around", s.around)
			t.Run("reports", func(t *testing.T) { s.reports(t, name) })
			t.Run("cancel", s.cancel)
		})
	}
}

func (s *simulated) jobs(t *testing.T) {
	ctx := t.Context()
	for i := range 2 {
		runs, changed, err := s.client.LiveRuns(ctx, s.repo)
		if err != nil || !slices.Equal(runs, []int64{s.run}) || changed != (i == 0) {
			t.Errorf("live runs %v, changed %v, %v", runs, changed, err)
		}
	}
	before := time.Now().UTC()
	jobs, err := s.client.RunJobs(ctx, s.repo, s.run)
	if err != nil || len(jobs) == 0 {
		t.Fatalf("jobs %v, %v", jobs, err)
	}
	want := fleet.Sighting{
		Job: jobs[0].Job, Run: s.run, Attempt: 1, Repository: s.repo, State: fleet.JobQueued, Labels: []string{"runs-fleet=1/cpu=2", "Linux"},
		Name: "one", HeadSHA: s.sha, RunAlive: true, Authoritative: true,
	}
	ignored := cmpopts.IgnoreFields(fleet.Sighting{}, "Workflow", "Branch", "URL", "Created", "Started", "Asked")
	if diff := cmp.Diff(want, jobs[0], ignored); diff != "" {
		t.Errorf("job of the run (-want +got):\n%s", diff)
	}
	if jobs[0].Asked.Before(before) || jobs[0].Created.IsZero() {
		t.Errorf("asked %s, created %s", jobs[0].Asked, jobs[0].Created)
	}
	one, err := s.client.Job(ctx, s.repo, jobs[0].Job)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(jobs[0], one, cmpopts.IgnoreFields(fleet.Sighting{}, "Asked")); diff != "" {
		t.Errorf("job by itself (-listed +got):\n%s", diff)
	}
	if _, err = s.client.Job(ctx, s.repo, 1); !errors.Is(err, controller.ErrNoJob) {
		t.Errorf("%v, want ErrNoJob", err)
	}
}

func (s *simulated) runners(t *testing.T) {
	ctx := t.Context()
	request := controller.MintRequest{Repository: s.repo, Name: "m-1-1", Labels: []string{"runs-fleet=1/cpu=2", "Linux"}}
	made, err := s.client.Mint(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.client.Mint(ctx, request); !errors.Is(err, controller.ErrNameTaken) {
		t.Errorf("%v, want ErrNameTaken", err)
	}
	found, err := s.client.FindRunner(ctx, s.repo, "m-1-1")
	if err != nil || found.ID != made.ID || found.Online || found.Busy || !slices.Equal(found.Labels, request.Labels) {
		t.Errorf("runner %+v, %v", found, err)
	}
	if all, err := s.client.Runners(ctx, s.repo); err != nil || len(all) != 1 {
		t.Errorf("runners %+v, %v", all, err)
	}
	for _, want := range []controller.Deletion{controller.Deleted, controller.Absent} {
		if got, err := s.client.DeleteRunner(ctx, s.repo, made.ID); err != nil || got != want {
			t.Errorf("deletion %d, %v, want %d", got, err, want)
		}
	}
	if _, err = s.client.FindRunner(ctx, s.repo, "m-1-1"); !errors.Is(err, controller.ErrNoRunner) {
		t.Errorf("%v, want ErrNoRunner", err)
	}
}

func (s *simulated) around(t *testing.T) {
	downloads, err := s.client.Downloads(t.Context(), s.repo)
	if err != nil || len(downloads) == 0 || downloads[0].SHA256 == "" || downloads[0].Version == "" {
		t.Errorf("downloads %+v, %v", downloads, err)
	}
	limits, err := s.client.RateLimit(t.Context(), s.repo)
	if err != nil || len(limits) == 0 {
		t.Errorf("limits %+v, %v", limits, err)
	}
	for _, f := range s.client.Check(t.Context(), s.repo) {
		if !f.OK {
			t.Errorf("finding %+v", f)
		}
	}
	if s.repo.Installation != 0 {
		repos, err := s.client.InstallationRepositories(t.Context(), s.repo.Installation)
		if err != nil || len(repos) != 1 || repos[0] != s.repo {
			t.Errorf("repositories %+v, %v", repos, err)
		}
	}
}

func (s *simulated) reports(t *testing.T, as string) {
	r := controller.CommitReport{Repository: s.repo, SHA: s.sha, Title: "unknown key cpus", Summary: "did you mean `cpu`?", Failed: true}
	if err := s.client.Report(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	made := s.sim.Reports()
	if len(made) != 1 || made[0].Title != r.Title && !strings.Contains(made[0].Summary, r.Title) {
		t.Errorf("%s reported %+v", as, made)
	}
}

func (s *simulated) cancel(t *testing.T) {
	for range 2 { // a run that is over is no error
		if err := s.client.CancelRun(t.Context(), s.repo, s.run); err != nil {
			t.Error(err)
		}
		s.sim.Step(t.Context())
	}
	jobs, err := s.client.RunJobs(t.Context(), s.repo, s.run)
	if err != nil || jobs[0].State != fleet.JobCompleted || jobs[0].Conclusion != "cancelled" || jobs[0].RunAlive {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
	log, err := s.client.JobLog(t.Context(), s.repo, jobs[0].Job)
	if err == nil {
		err = log.Close()
	}
	if err != nil && !errors.Is(err, controller.ErrNoJob) {
		t.Errorf("log: %v", err)
	}
	if runs, changed, err := s.client.LiveRuns(t.Context(), s.repo); err != nil || len(runs) != 0 || !changed {
		t.Errorf("live runs %v, changed %v, %v", runs, changed, err)
	}
}

func TestTheSimulatorsLimitsAreRespected(t *testing.T) { // rule 4.7, failure mode N18
	s := simulate(t, asApp, func(o *githubsim.Options) { o.Limits = githubsim.Limits{Points: 20, Status: 429} })
	var held *controller.BudgetError
	for range 30 {
		if _, err := s.client.Runners(t.Context(), s.repo); errors.As(err, &held) {
			break
		}
	}
	if held == nil || held.Reason != "secondary limit" || time.Until(held.Until) > time.Minute+time.Second {
		t.Errorf("held back: %v", held)
	}
}
