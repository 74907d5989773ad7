package controller

import (
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// arrivals measures the time from a delivery to the start of the launch call that it leads to. It is this replica's memory
// only, since a figure is lost without harm.
type arrivals struct {
	mu       sync.Mutex
	received map[fleet.JobID]time.Time // of messages in hand
	waiting  map[fleet.ShapeKey][]arrival
	launches map[string][]time.Time // of launches whose call has not begun
}

type arrival struct {
	received time.Time // the delivery
	counted  time.Time // the job's row
}

// arrivalsMost bounds what is kept of one shape; of more deliveries than that, the newest are not measured.
const arrivalsMost = 4096

// receive notes the delivery of a job that is being applied, until the returned function is called.
func (a *arrivals) receive(id fleet.JobID, at time.Time) (end func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.received == nil {
		a.received = map[fleet.JobID]time.Time{}
	}
	a.received[id] = at
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.received, id)
	}
}

// count notes that a job counts from now on.
func (a *arrivals) count(id fleet.JobID, k fleet.ShapeKey, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, known := a.received[id]
	if !known || len(a.waiting[k]) >= arrivalsMost {
		return
	}
	if a.waiting == nil {
		a.waiting = map[fleet.ShapeKey][]arrival{}
	}
	a.waiting[k] = append(a.waiting[k], arrival{received: at, counted: now})
}

// decide says that a decision at a time launched so many machines (launch is then its id) or none. What arrived before and
// led to no launch has a machine already, or waits for room: neither says how fast launching is.
func (a *arrivals) decide(k fleet.ShapeKey, at time.Time, launch string, count int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var seen []time.Time
	var later []arrival
	for _, w := range a.waiting[k] {
		if w.counted.After(at) {
			later = append(later, w)
		} else {
			seen = append(seen, w.received)
		}
	}
	if len(later) == 0 {
		delete(a.waiting, k)
	} else {
		a.waiting[k] = later
	}
	if launch == "" || len(seen) == 0 {
		return
	}
	if a.launches == nil {
		a.launches = map[string][]time.Time{}
	}
	a.launches[launch] = seen[:min(count, len(seen))]
}

// begin returns the times from each delivery that led to a launch to now, once.
func (a *arrivals) begin(launch string, now time.Time) []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	received := a.launches[launch]
	delete(a.launches, launch)
	waits := make([]time.Duration, len(received))
	for i, at := range received {
		waits[i] = max(0, now.Sub(at))
	}
	return waits
}
