package controller

import (
	"context"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// wakes lets a decision reach the agent's poll that this replica holds at once; without it the poll looks at its row every
// 5 s (rule 3.2).
type wakes struct {
	mu    sync.Mutex
	polls map[fleet.MachineID]*waiting
}

type waiting struct {
	cancel context.CancelFunc
	missed bool // woken while it was not asleep
	over   bool // a newer poll of the agent has come: this one's answer would be acted on by nobody
}

// enter registers a poll; the returned function takes it out.
func (w *wakes) enter(id fleet.MachineID) (*waiting, func()) {
	p := &waiting{}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.polls == nil {
		w.polls = map[fleet.MachineID]*waiting{}
	}
	if old := w.polls[id]; old != nil {
		old.over = true
		if old.cancel != nil {
			old.cancel()
		}
	}
	w.polls[id] = p
	return p, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.polls[id] == p {
			delete(w.polls, id)
		}
	}
}

// replaced says whether a newer poll of the same agent has come.
func (w *wakes) replaced(p *waiting) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return p.over
}

// wake ends the sleep of the machine's poll.
func (w *wakes) wake(id fleet.MachineID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.polls[id]
	if p == nil {
		return
	}
	p.missed = true
	if p.cancel != nil {
		p.cancel()
	}
}

// sleep waits for d, a wake, or the context's end.
func (w *wakes) sleep(ctx context.Context, c *Controller, p *waiting, d time.Duration) {
	w.mu.Lock()
	if p.missed || p.over {
		p.missed = false
		w.mu.Unlock()
		return
	}
	sleep, cancel := context.WithCancel(ctx)
	p.cancel = cancel
	w.mu.Unlock()
	_ = c.Clock.Sleep(sleep, d)
	w.mu.Lock()
	p.cancel, p.missed = nil, false
	w.mu.Unlock()
	cancel()
}
