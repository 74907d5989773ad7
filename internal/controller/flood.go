package controller

import (
	"sync"
	"time"
)

// Deliveries rank above their application: one that cannot be stored in time is lost at GitHub, one that is stored can
// wait. While several deliveries wait to be stored at any time, and have for longer than a burst of a thousand takes, one
// worker goes on with a part of its time and leaves processor and disk to those who store.
const (
	floodWindow  = 250 * time.Millisecond
	floodWindows = 2 // in a row
	floodSenders = 4 // waiting at once, on average
	floodRest    = 2 // times what a batch took
)

// flood knows whether deliveries have come faster than they can be stored, for how long.
type flood struct {
	mu    sync.Mutex
	began time.Time // of the window
	sent  time.Duration
	busy  int // windows in a row
}

// note says how much time all sends have taken so far, and returns whether it is time to step back.
func (f *flood) note(sent time.Duration, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if length := now.Sub(f.began); length >= floodWindow {
		if (sent-f.sent)/floodSenders >= length {
			f.busy++
		} else {
			f.busy = 0
		}
		f.began, f.sent = now, sent
	}
	return f.busy >= floodWindows
}
