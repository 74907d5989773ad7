// Package ingress takes GitHub's webhook deliveries: it checks the signature over the raw bytes, takes the fields that the
// controller needs, stores them in the queue and only then acknowledges. It decides nothing about jobs.
package ingress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/queue"
	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// MaxBodyBytes is the largest delivery: GitHub sends none over 25 MB (GitHub docs, "Webhook events and payloads").
const MaxBodyBytes = 25 << 20

// Bounds of a delivery. GitHub waits 10 s for the answer, and the first second of it has to be enough for us to say that
// a delivery cannot be stored.
const (
	bodyDeadline  = 8 * time.Second
	storeDeadline = 800 * time.Millisecond
)

// Sender is what a Webhook needs of the queue.
type Sender interface {
	Send(ctx context.Context, messages ...queue.Outgoing) error
}

// Options of a Webhook. All fields but Logger and BufferBytes are required, and one of Secrets and Rotating.
type Options struct {
	Secrets     []string // one, or two while a secret is being replaced
	Rotating    Rotating // in place of Secrets, when they may change while the server runs
	Owners      []string // logins whose repositories may use the fleet; case does not matter
	Host        string   // of GitHub, as the client's Repository.Host
	Queue       Sender
	Clock       seam.Clock
	Logger      *slog.Logger // discards if nil
	BufferBytes int64        // memory for bodies that are being read, 128 MiB if 0; beyond it deliveries get 503
}

// Webhook serves POST /webhook.
//
// The server that it runs in should set ReadHeaderTimeout, IdleTimeout and MaxHeaderBytes (see Harden): a handler can
// bound only what comes after the headers.
type Webhook struct {
	verifier *verifier
	owners   map[string]bool
	host     string
	queue    Sender
	clock    seam.Clock
	log      *slog.Logger
	bodies   *bodies
	seen     *deliveries
	stats    counters
}

// New checks the options and returns a handler.
func New(o Options) (*Webhook, error) {
	if o.Queue == nil || o.Clock == nil {
		return nil, errors.New("a webhook needs a queue and a clock")
	}
	if o.Rotating == nil {
		o.Rotating = fixed(o.Secrets)
	}
	verifier, err := newVerifier(o.Rotating, o.Clock)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Host == "":
		return nil, errors.New("a webhook needs the host of GitHub that its repositories belong to")
	case len(o.Owners) == 0:
		return nil, errors.New("no owner may use the fleet: list at least one organisation or user in github.owners")
	}
	w := &Webhook{
		verifier: verifier, owners: map[string]bool{}, host: o.Host, queue: o.Queue, clock: o.Clock, log: o.Logger,
		bodies: newBodies(o.BufferBytes), seen: newDeliveries(),
	}
	for _, owner := range o.Owners {
		w.owners[strings.ToLower(strings.TrimSpace(owner))] = true
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	return w, nil
}

// reply is what a delivery is answered with, and what it is counted as.
type reply struct {
	outcome Outcome
	status  int
	text    string
}

// ServeHTTP answers 202 for what is stored and for what needs no storing, 401 for a wrong signature, 400 for what cannot
// be read, 413 for too much and 503 for what cannot be stored now.
func (w *Webhook) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	answer := w.deliver(out, r)
	w.stats.count(answer.outcome)
	if answer.status == http.StatusServiceUnavailable {
		out.Header().Set("Retry-After", "5")
	}
	out.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out.Header().Set("X-Content-Type-Options", "nosniff")
	out.WriteHeader(answer.status)
	_, _ = out.Write([]byte(answer.text + "\n")) // a client that is gone has its answer in the log of deliveries
}

// deliver handles one delivery.
func (w *Webhook) deliver(out http.ResponseWriter, r *http.Request) reply {
	if r.Method != http.MethodPost {
		out.Header().Set("Allow", http.MethodPost)
		return reply{Malformed, http.StatusMethodNotAllowed, "a webhook delivery is a POST"}
	}
	// A response without a connection, as in tests, has no deadline.
	_ = http.NewResponseController(out).SetReadDeadline(w.clock.Now().Add(bodyDeadline))
	body, err := w.bodies.read(r)
	if err != nil {
		return w.unread(r, err)
	}
	defer body.release()
	sum, ok := w.verifier.verify(r.Context(), r.Header.Get("X-Hub-Signature-256"), body.bytes)
	if !ok {
		return reply{
			BadSignature, http.StatusUnauthorized,
			"the signature does not match: the webhook's secret at GitHub and the server's github.webhook_secret have to be the same",
		}
	}
	key := deliveryKey{guid: r.Header.Get("X-GitHub-Delivery"), sum: sum}
	event := r.Header.Get("X-GitHub-Event")
	switch event {
	case "workflow_job":
	case "":
		return reply{Malformed, http.StatusBadRequest, "the header X-GitHub-Event is missing: this is not a delivery of GitHub"}
	case "ping":
		return reply{Ping, http.StatusAccepted, "the webhook works"}
	case "workflow_run":
		return reply{Hint, http.StatusAccepted, "not needed: the jobs' own events are"}
	default:
		return reply{Ignored, http.StatusAccepted, "not an event that is needed"}
	}
	if w.seen.has(key, w.clock.Now()) {
		return reply{Repeated, http.StatusAccepted, "stored already"}
	}
	payload, err := payloadOf(r.Header.Get("Content-Type"), body.bytes)
	if err != nil {
		return reply{Malformed, http.StatusBadRequest, err.Error()}
	}
	return w.job(r.Context(), key, payload)
}

// unread answers a body that could not be taken in.
func (w *Webhook) unread(r *http.Request, err error) reply {
	switch {
	case errors.Is(err, errTooLarge):
		return reply{TooLarge, http.StatusRequestEntityTooLarge, "a delivery has at most 25 MB"}
	case errors.Is(err, errNoRoom):
		return reply{Overloaded, http.StatusServiceUnavailable, "too many deliveries at once"}
	default:
		w.log.Debug("delivery broke off", "delivery", r.Header.Get("X-GitHub-Delivery"), "error", err)
		return reply{Broken, http.StatusBadRequest, "the delivery broke off before its end"}
	}
}

// job stores a workflow_job delivery.
func (w *Webhook) job(ctx context.Context, key deliveryKey, payload []byte) reply {
	sighting, known, err := sightingOf(payload, w.host, key.guid)
	switch {
	case err != nil:
		return reply{Malformed, http.StatusBadRequest, err.Error()}
	case !w.owners[strings.ToLower(sighting.Repository.Owner)]:
		return reply{Refused, http.StatusAccepted, "the repository's owner may not use this fleet"}
	case !known:
		return reply{Ignored, http.StatusAccepted, "not an action that is needed"}
	}
	message, err := controller.Event{Job: &sighting, Received: w.clock.Now()}.Encode()
	switch {
	case err != nil:
		return reply{Malformed, http.StatusBadRequest, err.Error()}
	case len(message) > queue.MaxBodyBytes:
		return reply{Malformed, http.StatusBadRequest, "the payload's names and labels are longer than GitHub allows"}
	}
	if err = w.store(ctx, message); err != nil {
		w.log.Error("delivery not stored", "delivery", key.guid, "job", sighting.Job, "error", err)
		return reply{Unstored, http.StatusServiceUnavailable, "the delivery cannot be stored now"}
	}
	w.seen.add(key, w.clock.Now())
	return reply{Stored, http.StatusAccepted, "stored"}
}

// store enqueues an event. It does not end with the request: GitHub's patience says nothing about whether the event is
// worth keeping, and half a write is worth nothing (failure mode A3).
func (w *Webhook) store(ctx context.Context, message []byte) error {
	ctx, cancel := w.clock.WithTimeout(context.WithoutCancel(ctx), storeDeadline)
	defer cancel()
	if err := w.queue.Send(ctx, queue.Outgoing{Body: message}); err != nil {
		return fmt.Errorf("storing a delivery: %w", err)
	}
	return nil
}

// Stats returns how many deliveries had which outcome.
func (w *Webhook) Stats() map[Outcome]uint64 { return w.stats.all() }
