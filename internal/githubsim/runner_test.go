package githubsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

const runnersPath = "/repos/acme/shop/actions/runners"

func TestARunnerMatchesByLabelsOnlyNeverByJob(t *testing.T) {
	w := start(t, nil)
	w.dispatch(workflow("  a:\n    runs-on: [x]\n" + steps + "  b:\n    runs-on: [x, y]\n" + steps))
	first := w.register("made-for-b", "x", "y").connect()
	_, definition := first.take()
	equal(t, "the oldest job that matches, not the one it was made for", any("a"), definition["job"])
	if job := w.register("made-for-a", "x").connect().poll(); job != 0 {
		t.Error("a job with more labels than the runner was assigned")
	}
}

func TestWhoRunsAJobIsARandomChoiceAmongAllThatMatch(t *testing.T) {
	chosen := map[string]int{}
	for seed := range uint64(30) {
		w := start(t, func(o *githubsim.Options) { o.Random = &sequence{state: seed} })
		a, b := w.register("a", "self-hosted", "cpu=2").connect(), w.register("b", "self-hosted", "cpu=2").connect()
		w.dispatch(oneJob)
		for _, r := range []*runner{a, b} {
			if r.poll() > 0 {
				chosen[r.name]++
			}
		}
	}
	if chosen["a"] == 0 || chosen["b"] == 0 || chosen["a"]+chosen["b"] != 30 {
		t.Errorf("chosen = %v", chosen)
	}
}

func TestAnAssignmentThatIsNotAcknowledged(t *testing.T) {
	t.Run("goes to another runner after 60 seconds", func(t *testing.T) {
		w := start(t, nil)
		w.dispatch(oneJob)
		silent := w.register("silent", "self-hosted", "cpu=2").connect()
		job := silent.poll()
		other := w.register("other", "self-hosted", "cpu=2").connect()
		w.step(20 * time.Second)
		silent.poll()
		other.poll()
		w.step(20 * time.Second)
		silent.poll()
		if other.poll() != 0 {
			t.Fatal("it was re-assigned too early")
		}
		w.step(20 * time.Second)
		if got := other.poll(); got != job {
			t.Fatalf("other was sent %d, want %d", got, job)
		}
		if got := silent.acquire(job).Status; got != http.StatusNotFound {
			t.Errorf("acquire of a job that was taken back = %d", got)
		}
	})
	t.Run("cancels the job after several", func(t *testing.T) {
		w := start(t, nil)
		run := w.dispatch(oneJob)
		r := w.register("silent", "self-hosted", "cpu=2").connect()
		for range 5 {
			equal(t, "run", "queued/ 1", w.runState(run.ID))
			for range 3 {
				r.poll()
				w.step(20 * time.Second)
			}
		}
		equal(t, "run", "completed/cancelled 1", w.runState(run.ID))
	})
}

func TestRegistrationIsRefused(t *testing.T) {
	w := start(t, func(o *githubsim.Options) { o.Limits.Registrations = 2 })
	jit := func(name string, group any, labels ...string) reply {
		return w.call(personToken, "POST", runnersPath+"/generate-jitconfig", map[string]any{"name": name, "runner_group_id": group, "labels": labels})
	}
	w.register("taken", "x")
	taken := jit("TAKEN", 1, "x")
	if taken.Status != http.StatusConflict || !strings.Contains(string(taken.Body), "Already exists - A runner with the name TAKEN already exists") {
		t.Errorf("a name that is taken = %d %s", taken.Status, taken.Body)
	}
	// The limit of registrations counts attempts: two were made.
	limited := jit("third", 1, "x")
	if limited.Status != http.StatusForbidden || limited.Header.Get("Retry-After") != "300" {
		t.Errorf("beyond the limit = %d, retry after %q", limited.Status, limited.Header.Get("Retry-After"))
	}
	w.step(5*time.Minute + time.Second)
	for name, test := range map[string]struct {
		got  func() reply
		want int
	}{
		"no labels":        {func() reply { return jit("a", 1) }, http.StatusUnprocessableEntity},
		"an unknown group": {func() reply { return jit("a", 7, "x") }, http.StatusNotFound},
		"a bad name":       {func() reply { return jit("a b", 1, "x") }, http.StatusUnprocessableEntity},
		"a label too long": {func() reply { return jit("a", 1, strings.Repeat("x", 257)) }, http.StatusUnprocessableEntity},
		"an absolute folder": {func() reply {
			return w.call(personToken, "POST", runnersPath+"/generate-jitconfig",
				map[string]any{"name": "a", "runner_group_id": 1, "labels": []string{"x"}, "work_folder": "/etc"})
		}, http.StatusUnprocessableEntity},
		"a group in words": {func() reply { return jit("a", "Default", "x") }, http.StatusBadRequest},
	} {
		w.step(5*time.Minute + time.Second)
		if got := test.got(); got.Status != test.want {
			t.Errorf("%s = %d, want %d: %s", name, got.Status, test.want, got.Body)
		}
	}
}

func TestOrganizationRunnersServeTheRepositoriesOfTheirGroup(t *testing.T) {
	w := start(t, func(o *githubsim.Options) {
		o.Repositories = append(o.Repositories, githubsim.RepositorySpec{Owner: "acme", Name: "other", Organization: true})
		o.Groups = []githubsim.GroupSpec{{Organization: "acme", Name: "big", Repositories: []string{"acme/other"}}}
	})
	groups := w.expect(http.StatusOK, personToken, "GET", "/orgs/acme/actions/runner-groups?visible_to_repository=other", nil).object(t)
	equal(t, "groups", any(2.0), groups["total_count"])
	w.dispatch(oneJob)
	for name, group := range map[string]int{"in-big": 2, "in-default": 1} {
		w.expect(http.StatusCreated, personToken, "POST", "/orgs/acme/actions/runners/generate-jitconfig",
			map[string]any{"name": name, "runner_group_id": group, "labels": []string{"self-hosted", "cpu=2"}})
	}
	list := w.expect(http.StatusOK, personToken, "GET", "/orgs/acme/actions/runners", nil).object(t)
	equal(t, "runners", any(2.0), list["total_count"])
	equal(t, "those of the repository are others", any(0.0), w.expect(http.StatusOK, personToken, "GET", runnersPath, nil).object(t)["total_count"])
	for _, r := range list["runners"].([]any) {
		id := r.(map[string]any)["id"]
		w.expect(http.StatusOK, personToken, "GET", fmt.Sprintf("/orgs/acme/actions/runners/%.0f", id), nil)
		w.expect(http.StatusNotFound, personToken, "GET", fmt.Sprintf("%s/%.0f", runnersPath, id), nil)
	}
}

func TestRunnersAreListedByNameAndPage(t *testing.T) {
	w := start(t, nil)
	for _, name := range []string{"a", "b", "c"} {
		w.register(name, "x")
	}
	named := w.expect(http.StatusOK, personToken, "GET", runnersPath+"?name=b", nil).object(t)
	equal(t, "by name", any(1.0), named["total_count"])
	page := w.expect(http.StatusOK, personToken, "GET", runnersPath+"?per_page=2", nil)
	equal(t, "first page", 2, len(page.object(t)["runners"].([]any)))
	second := "<http://github.test" + runnersPath + "?page=2&per_page=2>; rel="
	equal(t, "link", second+`"next", `+second+`"last"`, page.Header.Get("Link"))
	rest := w.expect(http.StatusOK, personToken, "GET", runnersPath+"?per_page=2&page=2", nil)
	equal(t, "second page", 1, len(rest.object(t)["runners"].([]any)))
}

func TestDeletingARunner(t *testing.T) {
	remove := func(w *world, r *runner) int {
		return w.call(personToken, "DELETE", fmt.Sprintf("%s/%d", runnersPath, r.id), nil).Status
	}
	t.Run("idle, then absent", func(t *testing.T) {
		w := start(t, nil)
		r := w.register("r", "x").connect()
		equal(t, "first", http.StatusNoContent, remove(w, r))
		equal(t, "again", http.StatusNotFound, remove(w, r))
		equal(t, "its listener is told", int64(-1), r.poll())
		equal(t, "no new session", http.StatusUnauthorized, r.open())
	})
	t.Run("busy", func(t *testing.T) {
		w := start(t, nil)
		w.dispatch(oneJob)
		r := w.register("r", "self-hosted", "cpu=2").connect()
		r.take()
		equal(t, "busy", http.StatusUnprocessableEntity, remove(w, r))
	})
	t.Run("204 while busy, by fault: the job goes on", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Faults.DeleteBusyAnswered = 1 })
		run := w.dispatch(oneJob)
		r := w.register("r", "self-hosted", "cpu=2").connect()
		job, _ := r.take()
		equal(t, "busy", http.StatusNoContent, remove(w, r))
		equal(t, "renew", http.StatusOK, r.renew(job, "").Status)
		r.finish(job, "success", nil)
		equal(t, "run", "completed/success 1", w.runState(run.ID))
	})
	t.Run("422 while idle, by fault", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Faults.DeleteIdleRefused = 1 })
		equal(t, "idle", http.StatusUnprocessableEntity, remove(w, w.register("r", "x").connect()))
	})
}

func TestSessions(t *testing.T) {
	w := start(t, nil)
	r := w.register("r", "x").connect()
	second := *r
	equal(t, "a second session", http.StatusConflict, second.open())
	equal(t, "closing", http.StatusNoContent, r.call("DELETE", "/session?session="+r.session, nil).Status)
	equal(t, "then", http.StatusOK, second.open())
	w.step(31 * time.Second)
	equal(t, "a session without calls ends", false, w.sim.Registrations()[0].Online)
	stranger := runner{w: w, name: "s", id: r.id, secret: "guess"}
	equal(t, "an unknown secret", http.StatusUnauthorized, stranger.open())
}

func TestADeprecatedRunnerGetsNoSession(t *testing.T) {
	w := start(t, func(o *githubsim.Options) { o.Faults.RunnerDeprecated = 1 })
	equal(t, "session", http.StatusUpgradeRequired, w.register("r", "x").open())
}

func TestRegistrationsEnd(t *testing.T) {
	t.Run("a JIT config that waits for an hour expires", func(t *testing.T) {
		w := start(t, nil)
		r := w.register("r", "x")
		w.step(time.Hour)
		equal(t, "session", http.StatusUnauthorized, r.open())
		equal(t, "it is still listed", 1, len(w.sim.Registrations()))
	})
	t.Run("or sooner, by fault", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Faults.JITLifetime = githubsim.Duration(5 * time.Minute) })
		r, late := w.register("r", "x"), w.register("late", "x")
		w.step(4 * time.Minute)
		equal(t, "in time", http.StatusOK, r.open())
		w.step(time.Minute)
		equal(t, "late", http.StatusUnauthorized, late.open())
	})
	t.Run("one that is not connected for a day is removed", func(t *testing.T) {
		w := start(t, nil)
		w.register("r", "x")
		w.step(24 * time.Hour)
		equal(t, "registrations", 0, len(w.sim.Registrations()))
	})
	t.Run("an idle one is removed after 2 to 6 minutes, by fault", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Faults.IdleRemoval = 1 })
		r := w.register("r", "x").connect()
		for range 6 {
			w.step(19 * time.Second)
			equal(t, "within 2 minutes", int64(0), r.poll())
		}
		for range 14 {
			w.step(19 * time.Second)
			r.poll()
		}
		equal(t, "after 6 minutes", int64(-1), r.poll())
	})
}

func TestBusyLags(t *testing.T) {
	w := start(t, func(o *githubsim.Options) { o.Faults.BusyLag = githubsim.Duration(10 * time.Second) })
	w.dispatch(oneJob)
	r := w.register("r", "self-hosted", "cpu=2").connect()
	r.take()
	busy := func() any {
		return w.expect(http.StatusOK, personToken, "GET", fmt.Sprintf("%s/%d", runnersPath, r.id), nil).object(t)["busy"]
	}
	equal(t, "at first", any(false), busy())
	w.step(10 * time.Second)
	equal(t, "then", any(true), busy())
}

func TestAForeignRunnerStealsAJob(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(oneJob)
	job := w.sim.Jobs(run.ID)[0]
	if err := w.sim.AddForeign(simclient.Foreign{Scope: "acme/shop", Name: "stranger", Labels: []string{"self-hosted", "cpu=2"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.sim.Steal(simclient.Steal{Job: job.ID, Runner: "stranger", Duration: githubsim.Duration(time.Minute), Conclusion: "failure"}); err != nil {
		t.Fatal(err)
	}
	equal(t, "ours gets nothing", int64(0), w.register("ours", "self-hosted", "cpu=2").connect().poll())
	equal(t, "runner", "stranger", w.sim.Jobs(run.ID)[0].RunnerName)
	w.step(time.Minute)
	equal(t, "run", "completed/failure 1", w.runState(run.ID))
	equal(t, "webhooks", []string{"queued build", "in_progress build", "completed build"}, w.hook.jobs())
}

// Whatever runners come, go, stay silent or work, no job is ever run by two, and all is done in the end.
func TestEveryJobRunsOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := start(t, func(o *githubsim.Options) { o.Random = &sequence{state: rapid.Uint64().Draw(rt, "seed")} })
		run := w.dispatch(workflow("  a:\n    runs-on: x\n    strategy: {matrix: {n: [1, 2, 3]}}\n" + steps))
		ran, made := map[int64]int{}, 0
		for range rapid.IntRange(0, 8).Draw(rt, "turns") {
			made++
			r := w.register(fmt.Sprintf("r%d", made), "x").connect()
			job := r.poll()
			switch rapid.IntRange(0, 2).Draw(rt, "does") {
			case 0: // it stays silent
			case 1: // it works
				if job > 0 && r.acquire(job).Status == http.StatusOK {
					ran[job]++
					r.finish(job, "success", nil)
				}
			case 2: // it is deleted before it acquired anything
				w.call(personToken, "DELETE", fmt.Sprintf("%s/%d", runnersPath, r.id), nil)
			}
			w.step(time.Duration(rapid.IntRange(0, 30).Draw(rt, "pause")) * time.Second)
		}
		for turn := 0; turn < 12 && w.runState(run.ID) != "completed/success 1"; turn++ {
			made++
			r := w.register(fmt.Sprintf("r%d", made), "x").connect()
			if job := r.poll(); job > 0 && r.acquire(job).Status == http.StatusOK {
				ran[job]++
				r.finish(job, "success", nil)
			}
			w.step(30 * time.Second)
		}
		for job, times := range ran {
			if times != 1 {
				rt.Errorf("job %d ran %d times", job, times)
			}
		}
		if state := w.runState(run.ID); state != "completed/success 1" || len(ran) != 3 {
			rt.Errorf("run = %s after %d jobs", state, len(ran))
		}
	})
}
