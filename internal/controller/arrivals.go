package controller

import (
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
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
	job      fleet.JobID
	received time.Time // the delivery
	counted  time.Time // the job's row
}

// arrivalsMost bounds what is kept of one shape; of more deliveries than that, the newest are not measured.
const arrivalsMost = 4096

// arrivalsFor is how long a job may go undecided before it is no longer measured: it may have ended meanwhile.
const arrivalsFor = time.Minute

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
	a.waiting[k] = append(a.waiting[k], arrival{job: id, received: at, counted: now})
}

// decide says what was decided over these jobs, and which launches it led to. A job that was decided on and led to no launch
// has a machine already, or waits for room: neither says how fast launching is. Of a burst that the launches cannot hold,
// the rest is for the next, which follow at once.
func (a *arrivals) decide(k fleet.ShapeKey, over []record.QueuedEntry, now time.Time, launches []fleet.Launch, d decision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting[k]) == 0 {
		return
	}
	decided := make(map[fleet.JobID]bool, len(over))
	for _, e := range over {
		decided[e.Job] = true
	}
	var seen, later []arrival
	for _, w := range a.waiting[k] {
		switch {
		case decided[w.job]:
			seen = append(seen, w)
		case now.Sub(w.counted) < arrivalsFor:
			later = append(later, w)
		default:
		}
	}
	for _, l := range launches {
		n := min(l.Count, len(seen))
		a.launched(l.ID, seen[:n])
		seen = seen[n:]
	}
	if len(launches) > 0 && d.Limit == "" {
		later = append(later, seen...)
	}
	if len(later) == 0 {
		delete(a.waiting, k)
	} else {
		a.waiting[k] = later
	}
}

func (a *arrivals) launched(launch string, jobs []arrival) {
	if a.launches == nil {
		a.launches = map[string][]time.Time{}
	}
	for _, j := range jobs {
		a.launches[launch] = append(a.launches[launch], j.received)
	}
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
