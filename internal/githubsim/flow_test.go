package githubsim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const oneJob = `
name: CI
on: [push, workflow_dispatch]
jobs:
  build:
    runs-on: [self-hosted, cpu=2]
    steps:
      - run: make
`

func TestAJobRunsOnAJustInTimeRunner(t *testing.T) {
	w := start(t, nil)
	run := w.dispatch(oneJob)
	if diff := cmp.Diff([]string{"build queued"}, w.states(run.ID)); diff != "" {
		t.Fatal(diff)
	}
	r := w.register("fleet-1", "Self-Hosted", "CPU=2", "extra") // labels match without regard to case; more do not hurt
	if job := w.register("fleet-2", "self-hosted").connect().poll(); job != 0 {
		t.Errorf("a runner without all labels was sent job %d", job)
	}
	w.step(3 * time.Second)
	r.connect()
	job, definition := r.take()
	if definition["job"] != "build" || definition["repository"] != "acme/shop" || definition["matrix"] != nil {
		t.Errorf("definition = %v", definition)
	}
	if answer := r.renew(job, "hello\n").object(t); answer["cancelled"] != false {
		t.Errorf("renew = %v", answer)
	}
	w.step(time.Second)
	r.finish(job, "success", nil)
	if r.poll() != -1 {
		t.Error("an ephemeral registration ends with its job")
	}
	if got := w.runState(run.ID); got != "completed/success 1" {
		t.Errorf("run = %s", got)
	}
	if diff := cmp.Diff([]string{"queued build", "in_progress build", "completed build"}, w.hook.jobs()); diff != "" {
		t.Error(diff)
	}
	state := w.sim.Jobs(run.ID)[0]
	if state.RunnerName != "fleet-1" || state.QueueWait != 3*time.Second {
		t.Errorf("ran on %q after %s", state.RunnerName, state.QueueWait)
	}
	log, err := w.sim.Log(job)
	if err != nil || log != "hello\ndone\n" {
		t.Errorf("log = %q, %v", log, err)
	}
}

func TestWebhooksNameTheRunnerOnlyOnceItHasTheJob(t *testing.T) {
	w := start(t, nil)
	w.dispatch(oneJob)
	w.runOne("fleet-1", "failure", nil, "self-hosted", "cpu=2")
	names := map[any]any{}
	for _, r := range w.hook.got {
		if r.Event == "workflow_job" {
			names[r.Body["action"]] = r.Body["workflow_job"].(map[string]any)["runner_name"]
			if r.Body["installation"] == nil {
				t.Errorf("%v names no installation", r.Body["action"])
			}
		}
	}
	want := map[any]any{"queued": nil, "in_progress": "fleet-1", "completed": "fleet-1"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestTheSameAPIIsServedUnderBothRoots(t *testing.T) {
	w := start(t, nil)
	a := w.expect(http.StatusOK, personToken, "GET", "/repos/acme/shop", nil)
	b := w.expect(http.StatusOK, personToken, "GET", "/api/v3/repos/acme/shop", nil)
	if diff := cmp.Diff(string(a.Body), string(b.Body)); diff != "" {
		t.Error(diff)
	}
}
