package controller

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Peers reaches the other replicas.
type Peers interface {
	// Wake tells a replica that the agent of a machine has an order. It has a deadline of its own.
	Wake(ctx context.Context, address, machine string) error
}

// wake makes the agent's poll look at its row at once, wherever the poll is held. A wake that gets lost costs 5 s.
func (c *Controller) wake(id fleet.MachineID) {
	if c.wakes.wake(id) || c.Peers == nil {
		return
	}
	for _, address := range c.leases.others() {
		c.hints.spawn(context.Background(), "wake "+id.String()+" at "+address, func(ctx context.Context) { c.tell(ctx, address, id.String()) }, func() {})
	}
}

// everybody stands for no machine: the replica is to look who else there is.
const everybody = "*"

func (c *Controller) tell(ctx context.Context, address, machine string) {
	err := c.Peers.Wake(ctx, address, machine)
	switch {
	case err == nil:
		c.wakes.heard(address)
	case ctx.Err() == nil:
		c.Observer.FellBack(FallbackWake)
		level := slog.LevelDebug
		if c.wakes.news(address, c.Clock.Now()) {
			level = slog.LevelWarn
		}
		c.Logger.Log(ctx, level, "another replica was not told", "replica", address, "machine", machine, "error", err)
	}
}

// WakeHere is what another replica's wake does: the poll looks at its row, if it is held here. A replica that has begun
// says so with the name of no machine.
func (c *Controller) WakeHere(machine string) error {
	if machine == everybody {
		c.leases.soon()
		return nil
	}
	id, err := fleet.ParseMachineID(machine)
	if err != nil {
		return fmt.Errorf("waking a machine: %w", err)
	}
	c.wakes.wake(id)
	return nil
}

// wakes lets a decision reach the agent's poll that this replica holds at once; without it the poll looks at its row every
// 5 s (rule 3.2).
type wakes struct {
	mu    sync.Mutex
	polls map[fleet.MachineID]*waiting
	deaf  map[string]time.Time // addresses that were not reached, and when somebody was warned of that
}

// deafFor is how often there is a warning of a replica that is not reached: one that was killed stays in the list for some
// time, and every order would be a line of the log.
const deafFor = replicaFor

// news says whether it is worth a warning that an address was not reached.
func (w *wakes) news(address string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if since, known := w.deaf[address]; known && now.Sub(since) < deafFor {
		return false
	}
	if w.deaf == nil {
		w.deaf = map[string]time.Time{}
	}
	w.deaf[address] = now
	return true
}

// heard notes that an address was reached.
func (w *wakes) heard(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.deaf, address)
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

// wake ends the sleep of the machine's poll, and says whether it is held here.
func (w *wakes) wake(id fleet.MachineID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.polls[id]
	if p == nil {
		return false
	}
	p.missed = true
	if p.cancel != nil {
		p.cancel()
	}
	return true
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
