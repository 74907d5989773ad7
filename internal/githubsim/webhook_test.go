package githubsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim"
	"github.com/runs-fleet/runs-fleet/internal/githubsim/simclient"
)

const deliveriesPath = "/app/hook/deliveries"

// events returns "event action" of everything received, in order.
func (h *hook) events() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := []string{}
	for _, r := range h.got {
		action, _ := r.Body["action"].(string)
		list = append(list, strings.TrimSpace(r.Event+" "+action))
	}
	return list
}

func TestWebhooksOfARun(t *testing.T) {
	w := start(t, nil)
	w.dispatch(oneJob)
	w.runOne("r1", "success", nil, "self-hosted", "cpu=2")
	equal(t, "events", []string{
		"push", "workflow_run requested", "workflow_job queued", "workflow_job in_progress", "workflow_run in_progress",
		"workflow_job completed", "workflow_run completed",
	}, w.hook.events())
}

func TestPingOnANewAddress(t *testing.T) {
	w := start(t, nil)
	w.expect(http.StatusOK, w.jwt(), "GET", "/app/hook/config", nil)
	w.expect(http.StatusOK, w.jwt(), "PATCH", "/app/hook/config", map[string]any{"url": "http://fleet.test/other"})
	w.step(0)
	equal(t, "events", []string{"ping"}, w.hook.events())
}

func TestDeliveriesAreRecordedAndNeverRetried(t *testing.T) {
	w := start(t, nil)
	w.hook.status = http.StatusInternalServerError
	w.dispatch(oneJob)
	w.step(time.Hour)
	equal(t, "attempts", 3, len(w.hook.events()))
	failed := w.expect(http.StatusOK, w.jwt(), "GET", deliveriesPath+"?status=failure", nil).list(t)
	equal(t, "failed", 3, len(failed))
	newest := failed[0].(map[string]any)
	equal(t, "newest first", any("workflow_job"), newest["event"])

	w.hook.status = http.StatusAccepted
	path := fmt.Sprintf("%s/%.0f", deliveriesPath, newest["id"])
	whole := w.expect(http.StatusOK, w.jwt(), "GET", path, nil).object(t)
	payload := whole["request"].(map[string]any)["payload"].(map[string]any)
	equal(t, "the payload can be read", any("queued"), payload["action"])
	w.expect(http.StatusAccepted, w.jwt(), "POST", path+"/attempts", nil)
	w.step(0)
	succeeded := w.expect(http.StatusOK, w.jwt(), "GET", deliveriesPath+"?status=success", nil).list(t)
	again := succeeded[0].(map[string]any)
	equal(t, "same GUID, marked", []any{newest["guid"], true}, []any{again["guid"], again["redelivery"]})
	w.expect(http.StatusNotFound, w.jwt(), "GET", deliveriesPath+"/1", nil)
	w.expect(http.StatusNotFound, w.jwt(), "POST", deliveriesPath+"/1/attempts", nil)
	w.expect(http.StatusUnprocessableEntity, w.jwt(), "GET", deliveriesPath+"?status=odd", nil)
	w.expect(http.StatusBadRequest, w.jwt(), "GET", deliveriesPath+"?cursor=odd", nil)
}

func TestDeliveriesAreFollowedByCursor(t *testing.T) {
	w := start(t, nil)
	w.dispatch(oneJob)
	seen, path := 0, deliveriesPath+"?per_page=2"
	for path != "" {
		page := w.expect(http.StatusOK, w.jwt(), "GET", path, nil)
		seen += len(page.list(t))
		path = ""
		if link := page.Header.Get("Link"); link != "" {
			path = strings.TrimPrefix(link[1:strings.Index(link, ">")], "http://github.test")
		}
	}
	equal(t, "deliveries", 3, seen)
}

func TestFaultsOfWebhooks(t *testing.T) {
	run := func(t *testing.T, f githubsim.Faults) *world {
		t.Helper()
		w := start(t, nil)
		w.sim.SetFaults(f)
		w.dispatch(oneJob)
		return w
	}
	t.Run("lost: a failed delivery remains", func(t *testing.T) { // failure mode A1
		w := run(t, githubsim.Faults{WebhookLost: 1})
		equal(t, "received", 0, len(w.hook.events()))
		equal(t, "failed", 3, len(w.expect(http.StatusOK, w.jwt(), "GET", deliveriesPath+"?status=failure", nil).list(t)))
	})
	t.Run("never attempted: nothing remains", func(t *testing.T) {
		w := run(t, githubsim.Faults{WebhookNeverAttempted: 1})
		w.step(time.Hour)
		equal(t, "received", 0, len(w.hook.events()))
		equal(t, "deliveries", 0, len(w.sim.Deliveries()))
	})
	t.Run("delayed", func(t *testing.T) {
		w := run(t, githubsim.Faults{WebhookDelayed: 1, WebhookDelay: githubsim.Duration(time.Minute)})
		equal(t, "at first", 0, len(w.hook.events()))
		w.step(time.Minute)
		equal(t, "later", 3, len(w.hook.events()))
	})
	t.Run("repeated with one GUID", func(t *testing.T) {
		w := run(t, githubsim.Faults{WebhookRepeated: 1})
		guids := map[string]int{}
		for _, r := range w.hook.got {
			guids[r.GUID]++
		}
		for guid, times := range guids {
			equal(t, guid, 2, times)
		}
		equal(t, "events", 3, len(guids))
	})
	t.Run("reordered: completed may come first", func(t *testing.T) {
		w := start(t, nil)
		w.dispatch(oneJob)
		w.sim.SetFaults(githubsim.Faults{WebhookReordered: 1})
		r := w.register("r", "self-hosted", "cpu=2").connect()
		job, _ := r.take()
		w.sim.SetFaults(githubsim.Faults{})
		r.finish(job, "success", nil)
		equal(t, "order", []string{"queued build", "completed build", "in_progress build"}, w.hook.jobs())
	})
	t.Run("completed never sent", func(t *testing.T) {
		w := run(t, githubsim.Faults{CompletedNeverSent: 1})
		w.runOne("r", "success", nil, "self-hosted", "cpu=2")
		equal(t, "jobs", []string{"queued build", "in_progress build"}, w.hook.jobs())
	})
}

func TestFaultsOfJobs(t *testing.T) {
	t.Run("in_progress before acquire, then queued again", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Faults.InProgressEarly = 1 })
		run := w.dispatch(oneJob)
		r := w.register("silent", "self-hosted", "cpu=2").connect()
		equal(t, "jobs", []string{"build in_progress"}, w.states(run.ID))
		other := w.register("other", "self-hosted", "cpu=2").connect()
		for range 3 {
			r.poll()
			other.poll()
			w.step(20 * time.Second)
		}
		job, _ := other.take()
		other.finish(job, "success", nil)
		equal(t, "webhooks", []string{
			"queued build", "in_progress build", "queued build", "in_progress build", "completed build",
		}, w.hook.jobs())
	})
	t.Run("the assignment never arrives", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Faults.AssignmentLost = 1 })
		w.dispatch(oneJob)
		r := w.register("r", "self-hosted", "cpu=2").connect()
		equal(t, "at first", int64(0), r.poll())
		w.sim.SetFaults(githubsim.Faults{})
		for range 3 {
			r.poll()
			w.step(20 * time.Second)
		}
		if r.poll() == 0 {
			t.Error("it was not sent again")
		}
	})
	t.Run("the run completes with a job still queued", func(t *testing.T) {
		w := start(t, func(o *githubsim.Options) { o.Faults.RunCompletesEarly = 1 })
		run := w.dispatch(oneJob)
		equal(t, "run", "completed/cancelled 1", w.runState(run.ID))
		equal(t, "jobs", []string{"build queued"}, w.states(run.ID))
		equal(t, "no runner gets it", int64(0), w.register("r", "self-hosted", "cpu=2").connect().poll())
	})
}

func TestAWebhookOfARepositoryNamesNoInstallation(t *testing.T) {
	w := start(t, func(o *githubsim.Options) { o.App = nil })
	w.dispatch(oneJob)
	for _, r := range w.hook.got {
		if _, ok := r.Body["installation"]; ok {
			t.Errorf("%s names an installation", r.Event)
		}
	}
	equal(t, "events", 3, len(w.hook.got))
}

func TestARemovedFileIsNoLongerThere(t *testing.T) {
	w := start(t, nil)
	if _, err := w.sim.Commit(simclient.File{Repository: "acme/shop", Path: "README.md"}); err != nil {
		t.Fatal(err)
	}
	w.step(0)
	w.expect(http.StatusNotFound, personToken, "GET", "/repos/acme/shop/contents/README.md", nil)
	equal(t, "events", []string{"push"}, w.hook.events())
}
