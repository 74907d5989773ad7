package githubsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/githubsim/world"
)

const (
	maxInFlight     = 32     // deliveries at a time
	keptDeliveries  = 20_000 // the oldest go first
	defaultDelay    = 30 * time.Second
	reorderedFor    = 5 * time.Second // at most; normally until the next of its run went out
	hookID          = 512_000_001
	deliveryTimeout = 10 * time.Second // GitHub's documentation
)

// delivery is one attempt to deliver an event.
type delivery struct {
	id           int64
	guid         string
	event        string
	action       string
	repository   *world.Repository // nil for ping
	installation *Installation
	body         []byte
	header       http.Header
	url          string
	redelivery   bool
	stream       int64 // deliveries of one stream go out in order
	due          time.Time
	reordered    bool
	lost         bool
	attempted    time.Time // zero until it went out
	response     HookResponse
}

// ledger keeps all deliveries and decides which is due. It does no I/O.
type ledger struct {
	world    *world.World
	app      *application
	hook     Webhook
	pending  []*delivery // not yet attempted, in the order of their events
	inFlight []*delivery
	done     []*delivery // oldest first
}

func newLedger(w *world.World, hook Webhook) *ledger { return &ledger{world: w, hook: hook} }

// add turns an event into a delivery, or into none or several by fault.
func (l *ledger) add(v renderer, e world.Event, now time.Time) {
	if l.hook.URL == "" {
		return
	}
	var installation *Installation
	if l.app != nil {
		if installation = l.app.at(e.Repository.Owner.Login); installation == nil || !installation.includes(e.Repository) {
			return
		}
	}
	faults := l.world.Faults()
	if l.world.Chance(faults.WebhookNeverAttempted) {
		return
	}
	d := l.build(e.Name, e.Action, v.event(e, installation), now)
	d.repository, d.installation, d.stream = e.Repository, installation, e.Repository.ID
	if e.Run != nil {
		d.stream = e.Run.ID
	}
	d.lost = l.world.Chance(faults.WebhookLost)
	if l.world.Chance(faults.WebhookDelayed) {
		longest := time.Duration(faults.WebhookDelay)
		if longest == 0 {
			longest = defaultDelay
		}
		d.due = now.Add(l.world.Between(0, longest))
	}
	if l.world.Chance(faults.WebhookReordered) {
		d.reordered, d.due = true, now.Add(reorderedFor)
	}
	l.pending = append(l.pending, d)
	if l.world.Chance(faults.WebhookRepeated) {
		l.pending = append(l.pending, l.again(d, now))
	}
}

func (l *ledger) build(event, action string, body object, now time.Time) *delivery {
	d := &delivery{
		id: l.world.NextID(), guid: l.world.GUID(), event: event, action: action, body: encode(body), url: l.hook.URL, due: now,
	}
	l.sign(d)
	return d
}

func (l *ledger) sign(d *delivery) {
	mac := hmac.New(sha256.New, []byte(l.hook.Secret))
	mac.Write(d.body)
	d.header = http.Header{
		"Content-Type": {"application/json"}, "Accept": {"*/*"}, "User-Agent": {"GitHub-Hookshot/5c7e8a3"},
		"X-Github-Event": {d.event}, "X-Github-Delivery": {d.guid}, "X-Github-Hook-Id": {itoa(hookID)},
		"X-Github-Hook-Installation-Target-Type": {"repository"},
	}
	switch {
	case l.app != nil:
		d.header.Set("X-Github-Hook-Installation-Target-Type", "integration")
		d.header.Set("X-Github-Hook-Installation-Target-Id", itoa(l.app.id))
	case d.repository != nil:
		d.header.Set("X-Github-Hook-Installation-Target-Id", itoa(d.repository.ID))
	}
	if l.hook.Secret != "" {
		d.header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
}

// again repeats a delivery with the same GUID.
func (l *ledger) again(d *delivery, now time.Time) *delivery {
	repeated := *d
	repeated.id, repeated.redelivery, repeated.due = l.world.NextID(), true, now
	repeated.lost, repeated.reordered, repeated.attempted, repeated.response = false, false, time.Time{}, HookResponse{}
	repeated.url = l.hook.URL
	l.sign(&repeated)
	return &repeated
}

// takeDue moves deliveries that are due to those in flight, at most so many at a time and one of each stream.
func (l *ledger) takeDue(now time.Time, most int) []*delivery {
	var due []*delivery
	kept := l.pending[:0]
	for _, d := range l.pending {
		if len(l.inFlight) < most && !d.due.After(now) && !l.streaming(d.stream) {
			d.attempted = now
			l.inFlight = append(l.inFlight, d)
			due = append(due, d)
		} else {
			kept = append(kept, d)
		}
	}
	l.pending = kept
	return due
}

func (l *ledger) streaming(stream int64) bool {
	for _, d := range l.inFlight {
		if d.stream == stream {
			return true
		}
	}
	return false
}

// record notes the outcome of a delivery in flight, and lets what it overtook follow.
func (l *ledger) record(d *delivery, response HookResponse, now time.Time) {
	d.response = response
	kept := l.inFlight[:0]
	for _, other := range l.inFlight {
		if other != d {
			kept = append(kept, other)
		}
	}
	l.inFlight = kept
	l.done = append(l.done, d)
	if len(l.done) > keptDeliveries {
		l.done = append([]*delivery(nil), l.done[len(l.done)-keptDeliveries:]...)
	}
	for _, other := range l.pending {
		if other.reordered && other.stream == d.stream {
			other.due = now
		}
	}
}

func (l *ledger) find(id int64) *delivery {
	for _, d := range l.done {
		if d.id == id {
			return d
		}
	}
	return nil
}

// ping queues the event that GitHub sends when a hook is created or tested.
func (l *ledger) ping(v renderer, now time.Time) {
	if l.hook.URL == "" {
		return
	}
	hook := object{
		"type": "Repository", "id": hookID, "name": "web", "active": true, "events": []string{"push", "workflow_job", "workflow_run"},
		"config":     object{"content_type": "json", "insecure_ssl": "0", "url": l.hook.URL},
		"created_at": stamp(now), "updated_at": stamp(now),
	}
	if l.app != nil {
		hook["type"], hook["app_id"], hook["deliveries_url"] = "App", l.app.id, v.api("/app/hook/deliveries")
	}
	d := l.build("ping", "", object{"zen": "Keep it logically awesome.", "hook_id": hookID, "hook": hook}, now)
	l.pending = append(l.pending, d)
}
