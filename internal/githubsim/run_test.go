package githubsim_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

// workflow builds a file from its jobs, all of which do the same.
func workflow(jobs string) string { return "name: CI\non: push\njobs:\n" + jobs }

const steps = "    steps: [{run: make}]\n"

func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestNeedsPassOutputsOn(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(workflow("  plan:\n    runs-on: a\n    outputs: {sizes: '${{ steps.x.outputs.y }}'}\n" + steps +
		"  test:\n    needs: plan\n    runs-on: 'size-${{ matrix.size }}'\n    strategy:\n      matrix:\n        size: ${{ fromJSON(needs.plan.outputs.sizes) }}\n" + steps))
	equal(t, "before", []string{"plan queued"}, w.states(run.ID))
	w.runOne("r1", "success", map[string]string{"sizes": "[1,2]"}, "a")
	equal(t, "after", []string{"plan completed/success", "test (1) queued", "test (2) queued"}, w.states(run.ID))
	definition := w.runOne("r2", "success", nil, "size-2")
	equal(t, "needs", map[string]any{"plan": map[string]any{"result": "success", "outputs": map[string]any{"sizes": "[1,2]"}}}, definition["needs"])
	equal(t, "strategy", map[string]any{"fail-fast": true, "job-index": 1.0, "job-total": 2.0, "max-parallel": 256.0}, definition["strategy"])
	equal(t, "matrix", map[string]any{"size": 2.0}, definition["matrix"])
	w.runOne("r3", "success", nil, "size-1")
	equal(t, "run", "completed/success 1", w.runState(run.ID))
}

func TestConditionsDecideWhatRunsAfterAFailure(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(workflow("  build:\n    runs-on: a\n" + steps +
		"  deploy:\n    needs: build\n    runs-on: a\n" + steps +
		"  notify:\n    needs: deploy\n    if: failure()\n    runs-on: b\n" + steps +
		"  clean:\n    needs: deploy\n    if: always()\n    runs-on: c\n" + steps +
		"  never:\n    if: github.event_name == 'release'\n    runs-on: a\n" + steps))
	equal(t, "at first", []string{"build queued", "never completed/skipped"}, w.states(run.ID))
	w.runOne("r1", "failure", nil, "a")
	equal(t, "then", []string{
		"build completed/failure", "never completed/skipped", "deploy completed/skipped", "notify queued", "clean queued",
	}, w.states(run.ID))
	w.runOne("r2", "success", nil, "b")
	w.runOne("r3", "success", nil, "c")
	equal(t, "run", "completed/failure 1", w.runState(run.ID))
}

func TestFailFastCancelsTheMatrix(t *testing.T) {
	w := start(t, nil)
	matrix := "  test:\n    runs-on: 'n-${{ matrix.n }}'\n    strategy:\n%s      matrix: {n: [1, 2, 3]}\n" + steps
	run := w.dispatch(workflow(fmt.Sprintf(matrix, "")))
	busy := w.register("busy", "n-3").connect()
	job, _ := busy.take()
	w.runOne("r1", "failure", nil, "n-1")
	equal(t, "fail-fast", []string{"test (1) completed/failure", "test (2) completed/cancelled", "test (3) in_progress"}, w.states(run.ID))
	if busy.renew(job, "").object(t)["cancelled"] != true {
		t.Error("the runner that is at work is told to stop")
	}
	busy.finish(job, "cancelled", nil)
	equal(t, "run", "completed/failure 1", w.runState(run.ID))

	run = w.dispatch(workflow(fmt.Sprintf(matrix, "      fail-fast: false\n")))
	w.runOne("r2", "failure", nil, "n-1")
	equal(t, "no fail-fast", []string{"test (1) completed/failure", "test (2) queued", "test (3) queued"}, w.states(run.ID))
}

func TestMaxParallelHoldsJobsBack(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(workflow("  test:\n    runs-on: a\n    strategy: {max-parallel: 1, matrix: {n: [1, 2]}}\n" + steps))
	equal(t, "at first", []string{"test (1) queued"}, w.states(run.ID))
	w.runOne("r1", "success", nil, "a")
	equal(t, "then", []string{"test (1) completed/success", "test (2) queued"}, w.states(run.ID))
}

func TestContinueOnErrorDoesNotFailTheRun(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(workflow("  test:\n    runs-on: a\n    continue-on-error: true\n" + steps))
	w.runOne("r1", "failure", nil, "a")
	equal(t, "run", "completed/success 1", w.runState(run.ID))
}

func TestABrokenExpressionFailsItsJob(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(workflow("  test:\n    runs-on: ${{ vars.none }}\n" + steps))
	equal(t, "jobs", []string{"test completed/failure"}, w.states(run.ID))
	equal(t, "run", "completed/failure 1", w.runState(run.ID))
}

func TestProtectedEnvironmentsWaitForApproval(t *testing.T) {
	deploy := workflow("  deploy:\n    runs-on: a\n    environment: production\n" + steps)
	pending := func(w *world, run simclient.Run) (string, any) {
		path := fmt.Sprintf("/repos/acme/shop/actions/runs/%d/pending_deployments", run.ID)
		list := w.expect(http.StatusOK, personToken, "GET", path, nil).list(t)
		return path, list[0].(map[string]any)["environment"].(map[string]any)["id"]
	}
	t.Run("approved", func(t *testing.T) {
		w := start(t, nil)
		run := w.dispatch(deploy)
		equal(t, "jobs", []string{"deploy waiting"}, w.states(run.ID))
		equal(t, "run", "waiting/ 1", w.runState(run.ID))
		path, id := pending(w, run)
		w.expect(http.StatusOK, personToken, "POST", path, map[string]any{"environment_ids": []any{id}, "state": "approved", "comment": "go"})
		w.step(0)
		equal(t, "jobs", []string{"deploy queued"}, w.states(run.ID))
		equal(t, "webhooks", []string{"waiting deploy", "queued deploy"}, w.hook.jobs())
		w.expect(http.StatusUnprocessableEntity, personToken, "POST", path, map[string]any{"environment_ids": []any{id}, "state": "approved", "comment": "go"})
		w.runOne("r1", "success", nil, "a")
		equal(t, "run", "completed/success 1", w.runState(run.ID))
	})
	t.Run("rejected", func(t *testing.T) {
		w := start(t, nil)
		run := w.dispatch(deploy)
		path, id := pending(w, run)
		w.expect(http.StatusOK, personToken, "POST", path, map[string]any{"environment_ids": []any{id}, "state": "rejected", "comment": "no"})
		equal(t, "run", "completed/failure 1", w.runState(run.ID))
	})
}

func TestConcurrencyOfRuns(t *testing.T) {
	grouped := func(cancel string) string {
		return "name: CI\non: push\nconcurrency: {group: g, cancel-in-progress: " + cancel + "}\njobs:\n  a:\n    runs-on: a\n" + steps
	}
	t.Run("one runs, one is pending, an older pending one is cancelled", func(t *testing.T) {
		w := start(t, nil)
		first, second, third := w.dispatch(grouped("false")), w.dispatch(grouped("false")), w.dispatch(grouped("false"))
		equal(t, "runs", []string{"queued/ 1", "completed/cancelled 1", "pending/ 1"},
			[]string{w.runState(first.ID), w.runState(second.ID), w.runState(third.ID)})
		w.runOne("r1", "success", nil, "a")
		equal(t, "the pending run", "queued/ 1", w.runState(third.ID))
		equal(t, "its job", []string{"a queued"}, w.states(third.ID))
	})
	t.Run("cancel-in-progress", func(t *testing.T) {
		w := start(t, nil)
		first, second := w.dispatch(grouped("true")), w.dispatch(grouped("true"))
		equal(t, "runs", []string{"completed/cancelled 1", "queued/ 1"}, []string{w.runState(first.ID), w.runState(second.ID)})
	})
}

func TestForceCancelOfAPendingRun(t *testing.T) {
	w := start(t, nil)
	file := "name: CI\non: push\nconcurrency: g\njobs:\n  a:\n    runs-on: a\n" + steps
	first, second := w.dispatch(file), w.dispatch(file)
	path := "/repos/acme/shop/actions/runs/"
	w.expect(http.StatusAccepted, personToken, "POST", path+itoa(second.ID)+"/force-cancel", nil)
	equal(t, "the pending run", "completed/cancelled 1", w.runState(second.ID))
	w.expect(http.StatusAccepted, personToken, "POST", path+itoa(first.ID)+"/force-cancel", nil)
	third := w.dispatch(file)
	equal(t, "the group is free", "queued/ 1", w.runState(third.ID))
}

func TestRerunOfARunThatHoldsAConcurrencyGroup(t *testing.T) {
	w := start(t, nil)
	file := "name: CI\non: push\nconcurrency: g\njobs:\n  a:\n    runs-on: a\n" + steps
	first := w.dispatch(file)
	w.runOne("r1", "failure", nil, "a")
	second := w.dispatch(file)
	w.expect(http.StatusCreated, personToken, "POST", "/repos/acme/shop/actions/runs/"+itoa(first.ID)+"/rerun-failed-jobs", nil)
	equal(t, "the new attempt waits", "pending/ 2", w.runState(first.ID))
	equal(t, "for", "queued/ 1", w.runState(second.ID))
	w.runOne("r2", "success", nil, "a")
	equal(t, "then", "queued/ 2", w.runState(first.ID))
	w.runOne("r3", "success", nil, "a")
	equal(t, "and ends", "completed/success 2", w.runState(first.ID))
}

func TestConcurrencyOfJobs(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(workflow("  a:\n    runs-on: a\n    concurrency: deploy\n" + steps + "  b:\n    runs-on: b\n    concurrency: deploy\n" + steps))
	equal(t, "jobs", []string{"a queued", "b pending"}, w.states(run.ID))
	equal(t, "a pending job is no event", []string{"queued a"}, w.hook.jobs())
	w.runOne("r1", "success", nil, "a")
	equal(t, "jobs", []string{"a completed/success", "b queued"}, w.states(run.ID))
}

func TestCancelEndsWhatHasNoRunnerAndAsksTheOthers(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(workflow("  a:\n    runs-on: a\n" + steps + "  b:\n    runs-on: b\n" + steps +
		"  c:\n    needs: [a, b]\n    runs-on: c\n" + steps + "  d:\n    needs: [a, b]\n    if: always()\n    runs-on: d\n" + steps))
	r := w.register("r1", "a").connect()
	job, _ := r.take()
	path := fmt.Sprintf("/repos/acme/shop/actions/runs/%d/", run.ID)
	w.expect(http.StatusAccepted, personToken, "POST", path+"cancel", nil)
	equal(t, "jobs", []string{"a in_progress", "b completed/cancelled"}, w.states(run.ID))
	r.finish(job, "success", nil) // too late to count as success
	equal(t, "always() still runs", []string{"a completed/cancelled", "b completed/cancelled", "c completed/skipped", "d queued"}, w.states(run.ID))
	w.expect(http.StatusAccepted, personToken, "POST", path+"force-cancel", nil)
	equal(t, "run", "completed/cancelled 1", w.runState(run.ID))
	w.expect(http.StatusConflict, personToken, "POST", path+"cancel", nil)
	w.expect(http.StatusConflict, personToken, "POST", path+"force-cancel", nil)
}

func TestARunnerThatDoesNotStopIsNotWaitedForForEver(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(oneJob)
	r := w.register("r1", "self-hosted", "cpu=2").connect()
	job, _ := r.take()
	if err := w.sim.Cancel(run.ID); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.step(time.Minute)
		r.renew(job, "")
	}
	w.step(time.Second)
	equal(t, "run", "completed/cancelled 1", w.runState(run.ID))
	if got := r.renew(job, "").Status; got != http.StatusNotFound && got != http.StatusUnauthorized {
		t.Errorf("renew of a job that was ended = %d", got)
	}
}

func TestTimeouts(t *testing.T) {
	t.Run("a job is cancelled after 24 hours in the queue", func(t *testing.T) {
		w := start(t, nil)
		run := w.dispatch(oneJob)
		w.step(24*time.Hour - time.Second)
		equal(t, "before", "queued/ 1", w.runState(run.ID))
		w.step(time.Second)
		equal(t, "after", "completed/cancelled 1", w.runState(run.ID))
	})
	t.Run("the speed-up divides that", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Speedup = 60 })
		run := w.dispatch(oneJob)
		w.step(24 * time.Minute)
		equal(t, "after", "completed/cancelled 1", w.runState(run.ID))
	})
	t.Run("timeout-minutes cancels a running job", func(t *testing.T) {
		w := start(t, nil)
		w.dispatch(workflow("  a:\n    runs-on: a\n    timeout-minutes: 2\n" + steps))
		r := w.register("r1", "a").connect()
		job, _ := r.take()
		w.step(time.Minute)
		equal(t, "before", any(false), r.renew(job, "").object(t)["cancelled"])
		w.step(time.Minute)
		equal(t, "after", any(true), r.renew(job, "").object(t)["cancelled"])
	})
	t.Run("a job whose runner fell silent fails, and the registration goes", func(t *testing.T) {
		w := start(t, nil)
		run := w.dispatch(oneJob)
		r := w.register("r1", "self-hosted", "cpu=2").connect()
		r.take()
		w.step(9 * time.Minute)
		equal(t, "before", "in_progress/ 1", w.runState(run.ID))
		w.step(time.Minute)
		equal(t, "after", "completed/failure 1", w.runState(run.ID))
		equal(t, "registrations", 0, len(w.sim.Registrations()))
	})
}

func TestRerunMakesNewJobsAndClonesTheOthers(t *testing.T) {
	file := workflow("  good:\n    runs-on: a\n" + steps + "  bad:\n    runs-on: b\n    strategy: {fail-fast: false, matrix: {n: [1, 2]}}\n" + steps +
		"  after:\n    needs: bad\n    runs-on: c\n" + steps)
	setUp := func(t *testing.T) (*world, simclient.Run, []simclient.Job) {
		t.Helper()
		w := start(t, nil)
		run := w.dispatch(file)
		w.runOne("r1", "success", nil, "a")
		w.runOne("r2", "failure", nil, "b")
		w.runOne("r3", "success", nil, "b")
		equal(t, "first attempt", "completed/failure 1", w.runState(run.ID))
		return w, run, w.sim.Jobs(run.ID)
	}
	failedOf := func(jobs []simclient.Job) (failed, succeeded simclient.Job) {
		for _, job := range jobs {
			if job.Conclusion == "failure" {
				failed = job
			}
			if job.Conclusion == "success" && job.Key == "bad" {
				succeeded = job
			}
		}
		return failed, succeeded
	}
	path := func(run simclient.Run, what string) string {
		return fmt.Sprintf("/repos/acme/shop/actions/runs/%d/%s", run.ID, what)
	}

	t.Run("failed jobs and their dependents", func(t *testing.T) {
		w, run, old := setUp(t)
		failed, succeeded := failedOf(old)
		w.expect(http.StatusCreated, personToken, "POST", path(run, "rerun-failed-jobs"), nil)
		equal(t, "second attempt", []string{"good completed/success", succeeded.Name + " completed/success", failed.Name + " queued"}, w.states(run.ID))
		for _, job := range w.sim.Jobs(run.ID) {
			for _, before := range old {
				if job.ID == before.ID {
					t.Errorf("job %s kept its id", job.Name)
				}
			}
		}
		definition := w.runOne("r4", "success", nil, "b")
		equal(t, "job-total", any(2.0), definition["strategy"].(map[string]any)["job-total"])
		equal(t, "attempt", any(2.0), definition["attempt"])
		w.runOne("r5", "success", nil, "c")
		equal(t, "run", "completed/success 2", w.runState(run.ID))
		all := w.expect(http.StatusOK, personToken, "GET", path(run, "jobs?filter=all"), nil).object(t)
		equal(t, "all attempts", any(8.0), all["total_count"])
		first := w.expect(http.StatusOK, personToken, "GET", path(run, "attempts/1/jobs"), nil).object(t)
		equal(t, "first attempt", any(4.0), first["total_count"])
	})
	t.Run("one job and its dependents", func(t *testing.T) {
		w, run, old := setUp(t)
		failed, succeeded := failedOf(old)
		w.expect(http.StatusCreated, personToken, "POST", fmt.Sprintf("/repos/acme/shop/actions/jobs/%d/rerun", succeeded.ID), nil)
		equal(t, "second attempt", []string{"good completed/success", failed.Name + " completed/failure", succeeded.Name + " queued"}, w.states(run.ID))
		answer := w.expect(http.StatusForbidden, personToken, "POST", path(run, "rerun"), nil).object(t)
		equal(t, "message", any("The workflow run containing this job is already running"), answer["message"])
		w.runOne("r4", "success", nil, "b")
		w.expect(http.StatusForbidden, personToken, "POST", fmt.Sprintf("/repos/acme/shop/actions/jobs/%d/rerun", failed.ID), nil)
	})
	t.Run("everything", func(t *testing.T) {
		w, run, _ := setUp(t)
		w.expect(http.StatusCreated, personToken, "POST", path(run, "rerun"), nil)
		equal(t, "second attempt", []string{"good queued", "bad (1) queued", "bad (2) queued"}, w.states(run.ID))
	})
	t.Run("clones send no webhook", func(t *testing.T) {
		w, run, old := setUp(t)
		failed, _ := failedOf(old)
		before := len(w.hook.jobs())
		w.expect(http.StatusCreated, personToken, "POST", path(run, "rerun-failed-jobs"), nil)
		w.step(0)
		equal(t, "webhooks", []string{"queued " + failed.Name}, w.hook.jobs()[before:])
	})
}
