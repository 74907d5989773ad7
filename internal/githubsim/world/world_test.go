package world_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

var began = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// sequence is a random source with a fixed sequence.
type sequence struct{ state uint64 }

func (s *sequence) Uint64() uint64 {
	s.state = s.state*6364136223846793005 + 1442695040888963407
	return s.state ^ s.state>>29
}

func (s *sequence) Token(n int) string {
	token := ""
	for len(token) < 2*n {
		token += fmt.Sprintf("%016x", s.Uint64())
	}
	return token[:2*n]
}

const file = `
on: push
jobs:
  a:
    runs-on: x
    strategy: {max-parallel: 3, matrix: {n: [1, 2, 3, 4]}}
    steps: [{run: a}]
  b:
    needs: a
    if: always()
    runs-on: [x, y]
    concurrency: one
    steps: [{run: b}]
`

// step is something that a generated history does.
type step struct{ Act, Which, Pause int }

// play runs a history and returns what it told the outside, checking after every step what must always hold.
func play(t *rapid.T, seed uint64, history []step) []string {
	w := world.New(&sequence{state: seed}, 1, began)
	w.SetFaults(world.Faults{
		InProgressEarly: 0.2, AssignmentLost: 0.2, DeleteBusyAnswered: 0.3, IdleRemoval: 0.3, CompletedNeverSent: 0.1, RunCompletesEarly: 0.05,
	})
	r, err := w.AddRepository(world.RepositorySpec{Owner: "acme", Name: "shop", Files: map[string]string{"ci.yml": file}}, began)
	if err != nil {
		t.Fatal(err)
	}
	now := began
	sessions := map[int64]string{}
	var told []string
	for i, s := range history {
		now = now.Add(time.Duration(s.Pause) * time.Second)
		w.Advance(now)
		act(w, r, sessions, i, s, now)
		w.Advance(now)
		check(t, w)
		for _, e := range w.TakeEvents() {
			text := fmt.Sprintf("%s %s %s", e.At, e.Name, e.Action)
			if e.Job != nil {
				encoded, err := json.Marshal([]any{e.Job.ID, e.Job.Name, e.Job.Status, e.Job.Conclusion, e.Job.RunnerName})
				if err != nil {
					t.Fatal(err)
				}
				text += string(encoded)
			}
			told = append(told, text)
		}
	}
	return told
}

func act(w *world.World, r *world.Repository, sessions map[int64]string, i int, s step, now time.Time) {
	runners := w.AllRunners()
	var runner *world.Runner
	if len(runners) > 0 {
		runner = runners[s.Which%len(runners)]
	}
	switch {
	case s.Act == 0:
		_, _ = w.Dispatch(r, "ci.yml", world.Trigger{Name: "push"}, now)
	case s.Act == 1:
		made, _, err := w.Register(r.Scope, fmt.Sprintf("r%d", i), 1, []string{"X", "y"}, now)
		if err == nil {
			sessions[made.ID], _ = w.OpenSession(made, now)
		}
	case s.Act == 2 && len(w.Runs()) > 0:
		_ = w.Cancel(w.Runs()[s.Which%len(w.Runs())], now)
	case s.Act == 3 && len(w.Runs()) > 0:
		_ = w.RerunFailed(w.Runs()[s.Which%len(w.Runs())], now)
	case runner == nil:
	case s.Act == 4:
		_ = w.Delete(runner, now)
	case s.Act == 5 && runner.Job() != nil:
		_ = w.Complete(runner, runner.Job().ID, world.Result{Conclusion: world.Failure}, now)
	case s.Act == 6 && runner.Job() != nil:
		_ = w.Complete(runner, runner.Job().ID, world.Result{Conclusion: world.Success}, now)
	default:
		if id, err := w.Message(runner, sessions[runner.ID], now); err == nil && id != 0 {
			_, _ = w.Acquire(runner, sessions[runner.ID], id, now)
		}
	}
}

// check asserts what holds in every state: a job has at most one runner and each runner one job, a completed run has no
// job at work, and conclusions belong to what is completed.
func check(t *rapid.T, w *world.World) {
	holders := map[int64]string{}
	for _, r := range w.AllRunners() {
		if job := r.Job(); job != nil {
			if other, taken := holders[job.ID]; taken {
				t.Fatalf("job %d is held by %s and %s", job.ID, other, r.Name)
			}
			holders[job.ID] = r.Name
			if job.Status == world.Completed {
				t.Fatalf("%s holds job %d, which is completed", r.Name, job.ID)
			}
		}
	}
	for _, run := range w.Runs() {
		if (run.Status == world.Completed) != (run.Conclusion != "") {
			t.Fatalf("run %d is %s with conclusion %q", run.ID, run.Status, run.Conclusion)
		}
		for _, job := range w.JobsOf(run, run.Attempt) {
			if (job.Status == world.Completed) != (job.Conclusion != "") {
				t.Fatalf("job %d is %s with conclusion %q", job.ID, job.Status, job.Conclusion)
			}
			if run.Status == world.Completed && job.Status == world.InProgress {
				t.Fatalf("run %d is completed and its job %d is at work", run.ID, job.ID)
			}
		}
	}
}

func TestTheSameSeedAndHistoryTellTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		history := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
			return step{Act: rapid.IntRange(0, 9).Draw(t, "act"), Which: rapid.IntRange(0, 20).Draw(t, "which"), Pause: rapid.IntRange(0, 40).Draw(t, "pause")}
		}), 0, 60).Draw(t, "history")
		if diff := cmp.Diff(play(t, seed, history), play(t, seed, history)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFaultsReadAsJSON(t *testing.T) {
	want := world.Faults{WebhookLost: 0.5, JITLifetime: world.Duration(5 * time.Minute), ServerError: map[string]float64{"*": 0.1}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); got != `{"webhook_lost":0.5,"jit_lifetime":"5m0s","server_error":{"*":0.1}}` {
		t.Errorf("JSON = %s", got)
	}
	var got world.Faults
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal([]byte(`{"busy_lag":"soon"}`), &got); err == nil {
		t.Error("a duration that is none must be refused")
	}
}

func TestTheRateOfAnEndpointIsItsOwnOrThatOfAll(t *testing.T) {
	rates := map[string]float64{"*": 0.1, "runs": 0}
	if world.Rate(rates, "runs") != 0 || world.Rate(rates, "job") != 0.1 || world.Rate(nil, "job") != 0 {
		t.Error("Rate does not prefer the endpoint's own rate")
	}
}

func TestABlobHasGitsID(t *testing.T) {
	if got := world.BlobSHA([]byte("hello\n")); got != "ce013625030ba8dba906f756967f9e9ca394464a" {
		t.Errorf("BlobSHA = %s", got)
	}
}
