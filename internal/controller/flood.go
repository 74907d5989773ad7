package controller

import (
	"sync"
	"time"
)

// Deliveries rank above their application: a delivery that cannot be stored in time is lost at GitHub, one that is stored
// can wait. While messages have come faster than they are applied for floodAfter, only floodWorkers workers go on, which
// leaves processor and disk to those who store.
const (
	floodAfter   = 500 * time.Millisecond // a burst of a thousand jobs is over by then
	floodPause   = 250 * time.Millisecond
	floodWorkers = 2
)

// flood knows since when every receive has returned as many messages as it may.
type flood struct {
	mu    sync.Mutex
	since time.Time // zero while there is none
}

// received notes how many messages a receive returned.
func (f *flood) received(n int, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case n < receiveBatch:
		f.since = time.Time{}
	case f.since.IsZero():
		f.since = now
	}
}

// lasts says whether it is time to step back.
func (f *flood) lasts(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.since.IsZero() && now.Sub(f.since) >= floodAfter
}
