package ingress

import "sync/atomic"

// Outcome is what became of a delivery.
type Outcome string

// The outcomes.
const (
	Stored       Outcome = "stored"        // in the queue
	Ping         Outcome = "ping"          // GitHub's test of a new webhook
	Hint         Outcome = "hint"          // workflow_run, which says nothing that the jobs' events do not
	Ignored      Outcome = "ignored"       // an event or an action that is not needed
	Repeated     Outcome = "repeated"      // stored a short time ago
	Refused      Outcome = "refused"       // of an owner who is not allowed
	BadSignature Outcome = "bad_signature" // forged, or another secret
	Malformed    Outcome = "malformed"     // signed, and not understood
	TooLarge     Outcome = "too_large"     // over MaxBodyBytes
	Broken       Outcome = "broken"        // ended early, or came too slowly
	Overloaded   Outcome = "overloaded"    // no memory for its body
	Unstored     Outcome = "unstored"      // the queue did not take it
)

// Outcomes lists them all.
func Outcomes() []Outcome {
	return []Outcome{Stored, Ping, Hint, Ignored, Repeated, Refused, BadSignature, Malformed, TooLarge, Broken, Overloaded, Unstored}
}

// counters counts deliveries by outcome.
type counters struct {
	stored, ping, hint, ignored, repeated, refused, badSignature, malformed, tooLarge, broken, overloaded, unstored atomic.Uint64
}

func (c *counters) of(o Outcome) *atomic.Uint64 {
	switch o {
	case Stored:
		return &c.stored
	case Ping:
		return &c.ping
	case Hint:
		return &c.hint
	case Ignored:
		return &c.ignored
	case Repeated:
		return &c.repeated
	case Refused:
		return &c.refused
	case BadSignature:
		return &c.badSignature
	case TooLarge:
		return &c.tooLarge
	case Broken:
		return &c.broken
	case Overloaded:
		return &c.overloaded
	case Unstored:
		return &c.unstored
	case Malformed:
		return &c.malformed
	default:
		return &c.malformed
	}
}

func (c *counters) count(o Outcome) { c.of(o).Add(1) }

func (c *counters) all() map[Outcome]uint64 {
	all := map[Outcome]uint64{}
	for _, o := range Outcomes() {
		all[o] = c.of(o).Load()
	}
	return all
}
