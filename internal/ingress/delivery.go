package ingress

import (
	"crypto/sha256"
	"sync"
	"time"
)

// A delivery is remembered for five to ten minutes, or until twice so many others have come. It is a shortcut only, since
// applying an event twice changes nothing; a short memory lets a person redeliver what ended in the dead letters.
const (
	generationAge  = 5 * time.Minute
	generationSize = 8192
)

// deliveryKey names a delivery. The GUID is not signed, so the body's sum belongs to it: nobody can make us forget a
// delivery by sending its GUID first with an old body.
type deliveryKey struct {
	guid string
	sum  [sha256.Size]byte
}

// deliveries remembers what was stored lately, in two generations.
type deliveries struct {
	mu       sync.Mutex
	young    map[deliveryKey]struct{}
	old      map[deliveryKey]struct{}
	youngest time.Time // when the young generation began
}

func newDeliveries() *deliveries {
	return &deliveries{young: map[deliveryKey]struct{}{}}
}

func (d *deliveries) has(key deliveryKey, now time.Time) bool {
	if key.guid == "" {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	_, young := d.young[key]
	_, old := d.old[key]
	return young || old
}

func (d *deliveries) add(key deliveryKey, now time.Time) {
	if key.guid == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	d.young[key] = struct{}{}
}

// turn lets the young become old once they are many or of age.
func (d *deliveries) turn(now time.Time) {
	age := now.Sub(d.youngest)
	if age < generationAge && len(d.young) < generationSize {
		return
	}
	if d.old = d.young; age >= 2*generationAge {
		d.old = nil // nobody came for so long that they are too old already
	}
	d.young = map[deliveryKey]struct{}{}
	d.youngest = now
}
