package simulate

import (
	"cmp"
	"context"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/seam"
)

// scheduler decides what happens next. There are two kinds of things that can: a caller that is parked at a seam goes on,
// and an event of the world around the controllers (a delivery, a boot, a fault) takes place. Events run in the scheduler's
// own goroutine and never block.
type scheduler struct {
	now    time.Time
	random *rand.Rand
	events events
	sum    hash.Hash64
	steps  int
	watch  func(key string) // told of every step, if set

	mu     sync.Mutex // of parked and seq: goroutines that were just started may park at the same time
	parked []*caller
	seq    uint64
}

// domain is one life of a replica: what is parked in it dies with it.
type domain struct {
	name   string
	skew   time.Duration // of its clock
	dead   bool
	paused time.Time // until when nothing of it goes on

	pausedFrom, pausedTo time.Time // its last pause
}

type caller struct {
	domain *domain
	ctx    context.Context //nolint:containedctx // the caller's own: its end wakes it
	key    string
	seq    uint64
	at     time.Time
	goOn   chan struct{}
}

func newScheduler(start time.Time, random *rand.Rand) *scheduler {
	return &scheduler{now: start, random: random, sum: fnv.New64a()}
}

// park blocks the caller until the virtual time at, or until its context ends. Callers of a dead domain never return.
func (s *scheduler) park(ctx context.Context, d *domain, key string, at time.Time) {
	if d.dead {
		runtime.Goexit()
	}
	c := &caller{domain: d, ctx: ctx, key: d.name + " " + seam.Task(ctx) + ": " + key, at: at, goOn: make(chan struct{})}
	s.mu.Lock()
	s.seq++
	c.seq = s.seq
	s.parked = append(s.parked, c)
	s.mu.Unlock()
	<-c.goOn
	if d.dead {
		runtime.Goexit()
	}
}

// runnable says whether the caller may go on now.
func (c *caller) runnable(now time.Time) bool {
	switch {
	case c.domain.dead:
		return true
	case now.Before(c.domain.paused):
		return false
	default:
		return !now.Before(c.at) || c.ctx.Err() != nil
	}
}

// wakes returns when the caller will be runnable if nothing else happens.
func (c *caller) wakes() time.Time {
	if c.domain.paused.After(c.at) {
		return c.domain.paused
	}
	return c.at
}

// run lets things happen until over says that it is enough, or nothing can happen any more.
func (s *scheduler) run(over func() bool) {
	for !over() && s.step() {
		continue
	}
}

// step lets one thing happen. It returns false if nothing ever will.
func (s *scheduler) step() bool {
	synctest.Wait()
	ready := s.ready()
	for len(ready)+s.events.due(s.now) == 0 {
		next, some := s.next()
		if !some {
			return false
		}
		s.now = next
		ready = s.ready()
	}
	s.steps++
	n := s.random.Uint64N(uint64(len(ready) + s.events.due(s.now)))
	if i := int(n); i < len(ready) {
		s.note(ready[i].key)
		s.release(ready[i])
		return true
	}
	e := s.events.take(int(n) - len(ready))
	s.note(e.key)
	e.do()
	return true
}

// note makes a step part of the run's hash.
func (s *scheduler) note(key string) {
	var b [8]byte
	at := s.now.UnixNano()
	for i := range b {
		b[i] = byte(at >> (8 * i))
	}
	_, _ = s.sum.Write(b[:])
	_, _ = s.sum.Write([]byte(key))
	if s.watch != nil {
		s.watch(key)
	}
}

// ready lists the callers that may go on, in a stable order.
func (s *scheduler) ready() []*caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*caller
	for _, c := range s.parked {
		if c.runnable(s.now) {
			out = append(out, c)
		}
	}
	if len(out) > 1 {
		slices.SortFunc(out, func(a, b *caller) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.seq, b.seq)) })
	}
	return out
}

// next returns the earliest time at which something can happen.
func (s *scheduler) next() (next time.Time, some bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, some = s.events.next()
	for _, c := range s.parked {
		if t := c.wakes(); !some || t.Before(next) {
			next, some = t, true
		}
	}
	return next, some
}

func (s *scheduler) release(c *caller) {
	s.mu.Lock()
	i := slices.Index(s.parked, c)
	last := len(s.parked) - 1
	s.parked[i] = s.parked[last]
	s.parked[last] = nil
	s.parked = s.parked[:last]
	s.mu.Unlock()
	close(c.goOn)
}

// killing makes sure that nothing of a domain goes on, whatever wakes it.
func (s *scheduler) killing(d *domain) { d.dead = true }

// kill ends a domain: whatever is parked in it never returns.
func (s *scheduler) kill(d *domain) {
	s.killing(d)
	for {
		synctest.Wait()
		c := s.parkedIn(d)
		if c == nil {
			return
		}
		s.release(c)
	}
}

// parkedIn returns the first caller that is parked in a domain.
func (s *scheduler) parkedIn(d *domain) *caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first *caller
	for _, c := range s.parked {
		if c.domain == d && (first == nil || cmp.Or(cmp.Compare(c.key, first.key), cmp.Compare(c.seq, first.seq)) < 0) {
			first = c
		}
	}
	return first
}

// after lets an event take place later.
func (s *scheduler) after(d time.Duration, key string, do func()) *event {
	return s.events.add(s.now.Add(d), key, do)
}
