package simulate

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

// delivery is a webhook delivery of GitHub: what it says is fixed when the event happens, however often and late it is sent.
type delivery struct {
	guid   string
	key    string // names it in the log of steps
	body   []byte
	secret string
	job    int64
}

// payload is a workflow_job delivery, with the fields that GitHub documents and the ingress reads.
type payload struct {
	Action       string            `json:"action"`
	Job          payloadJob        `json:"workflow_job"`
	Repository   payloadRepository `json:"repository"`
	Installation struct {
		ID int64 `json:"id"`
	} `json:"installation"`
}

type payloadJob struct {
	ID          int64    `json:"id"`
	Run         int64    `json:"run_id"`
	Attempt     int      `json:"run_attempt"`
	Name        string   `json:"name"`
	Workflow    string   `json:"workflow_name"`
	HeadSHA     string   `json:"head_sha"`
	Branch      string   `json:"head_branch"`
	Labels      []string `json:"labels"`
	Status      string   `json:"status"`
	Conclusion  *string  `json:"conclusion"`
	Created     string   `json:"created_at"`
	Started     *string  `json:"started_at"`
	Completed   *string  `json:"completed_at"`
	RunnerID    *int64   `json:"runner_id"`
	Runner      *string  `json:"runner_name"`
	HTMLAddress string   `json:"html_url"`
}

type payloadRepository struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Private bool   `json:"private"`
	Owner   struct {
		Login string `json:"login"`
	} `json:"owner"`
}

// optional is what GitHub sends null for when there is nothing.
func optional[T comparable](v T) *T {
	var nothing T
	if v == nothing {
		return nil
	}
	return &v
}

// stamp is a time as GitHub sends it: to the second.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// render is the delivery of an event.
func (h *hub) render(e world.Event) delivery {
	job, run := e.Job, e.Run
	p := payload{Action: e.Action, Job: payloadJob{
		ID: job.ID, Run: run.ID, Attempt: job.Attempt, Name: job.Name, Workflow: run.Workflow.Name, HeadSHA: run.Commit.SHA, Branch: run.HeadBranch,
		Labels: job.Labels, Status: string(job.Status), Conclusion: optional(string(job.Conclusion)), Created: stamp(job.CreatedAt),
		Started: optional(stamp(job.StartedAt)), Completed: optional(stamp(job.CompletedAt)), RunnerID: optional(job.RunnerID), Runner: optional(job.RunnerName),
		HTMLAddress: fmt.Sprintf("https://%s/%s/actions/runs/%d/job/%d", host, run.Repository.FullName(), run.ID, job.ID),
	}}
	p.Repository.ID, p.Repository.Name, p.Repository.Private = run.Repository.ID, run.Repository.Name, run.Repository.Private
	p.Repository.Owner.Login, p.Installation.ID = run.Repository.Owner.Login, 1
	return h.seal(p, webhookSecret)
}

func (h *hub) seal(p payload, secret string) delivery {
	body, err := json.Marshal(p)
	if err != nil {
		panic("simulate: " + err.Error()) // plain data
	}
	h.deliveries++
	return delivery{
		guid: fmt.Sprintf("00000000-0000-4000-8000-%012x", h.deliveries), body: body, secret: secret, job: p.Job.ID,
		key: fmt.Sprintf("webhook %d: job %d is %s", h.deliveries, p.Job.ID, p.Action),
	}
}

// send is GitHub's attempt: it fails unless the answer is 202.
func (d delivery) send(ctx context.Context, w *World, s server) error {
	mac := hmac.New(sha256.New, []byte(d.secret))
	_, _ = mac.Write(d.body)
	a := post(ctx, s.webhook, "/webhook", http.Header{
		"Content-Type": {"application/json"}, "X-Github-Event": {"workflow_job"}, "X-Github-Delivery": {d.guid},
		"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))},
	}, d.body)
	w.check.answered(d, a.status)
	if a.status != http.StatusAccepted {
		return fmt.Errorf("%w: answered %d", errCut, a.status)
	}
	return nil
}

// forge sends, now and then, what must never reach a row: a job that somebody else made up, and one of an owner who may not use
// the fleet.
func (h *hub) forge() {
	w := h.w
	r := h.repos[0]
	for i, f := range []struct{ login, secret string }{{owner, "a guess"}, {"stranger", webhookSecret}} {
		p := payload{Action: string(world.Queued), Job: payloadJob{
			ID: int64(i + 1), Run: 1, Attempt: 1, Name: "forged", Labels: []string{sharedSmall}, Status: string(world.Queued), Created: stamp(w.s.now),
		}}
		p.Repository.ID, p.Repository.Name, p.Repository.Private, p.Repository.Owner.Login = r.ID, r.Name, true, f.login
		d := h.seal(p, f.secret)
		w.s.after(w.work.between(time.Second, w.cfg.Faulty), d.key, func() { h.deliver(d) })
	}
}

// answered asserts AckAfterDurable at the ingress: a delivery is acknowledged only when a message about it is stored. Those that
// are forged or of strangers have none, and a wrong signature is never acknowledged.
func (c *checker) answered(d delivery, status int) {
	stored, forged := c.stored[d.key], c.w.hub.gh.Job(d.job) == nil
	about := []string{jobName(d.job)}
	switch {
	case forged && stored:
		c.violated("RightFleet", about, "a message about job %d is stored, which is forged or of a stranger", d.job)
	case forged && d.secret != webhookSecret && status != http.StatusUnauthorized:
		c.violated("RightFleet", about, "a delivery with a wrong signature is answered %d", status)
	case !forged && status == http.StatusAccepted && !stored:
		c.violated("AckAfterDurable", about, "the %s is acknowledged and not stored", d.key)
	}
}
