package simulate

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash"
	"hash/fnv"
	"math"
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

	line []byte    // what the last step was noted as
	out  []*caller // of ready, used again

	mu     sync.Mutex // of parked and seq: goroutines that were just started may park at the same time
	parked []*caller
	seq    uint64
}

// domain is one life of a replica: what is parked in it dies with it.
type domain struct {
	name   string
	skew   time.Duration // of its clock
	dead   bool
	died   time.Time
	paused time.Time // until when nothing of it goes on

	pausedFrom, pausedTo time.Time // its last pause
}

// caller is somebody who waits at a seam.
type caller struct {
	domain *domain
	done   <-chan struct{} // the end of the caller's context wakes it
	task   string
	key    string
	seq    uint64
	at     int64 // nanoseconds, as all times of the scheduler's own
	place  int   // among the parked
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
	c := &caller{domain: d, done: ctx.Done(), task: seam.Task(ctx), key: key, at: at.UnixNano(), goOn: make(chan struct{})}
	s.mu.Lock()
	s.seq++
	c.seq, c.place = s.seq, len(s.parked)
	s.parked = append(s.parked, c)
	s.mu.Unlock()
	<-c.goOn
	if d.dead {
		runtime.Goexit()
	}
}

// deepen makes the stack of a goroutine that begins as deep as its work needs. Otherwise it is copied several times on the way.
//
//go:noinline
func deepen() byte {
	var deep [stackNeeded]byte
	return deep[len(seamStack)]
}

const (
	stackNeeded = 12 << 10
	seamStack   = "stack"
)

// wakes returns when the caller can go on, if nothing else happens: now or earlier, if it can at once.
func (c *caller) wakes(now int64) int64 {
	if c.domain.dead {
		return now
	}
	at := c.at
	if at > now && c.done != nil {
		select {
		case <-c.done:
			at = now
		default:
		}
	}
	at = max(at, now)
	if c.domain.paused.IsZero() {
		return at
	}
	return max(at, c.domain.paused.UnixNano())
}

// order is the stable order of callers.
func (c *caller) order(o *caller) int {
	return cmp.Or(
		cmp.Compare(c.domain.name, o.domain.name), cmp.Compare(c.task, o.task), cmp.Compare(c.key, o.key), cmp.Compare(c.seq, o.seq),
	)
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
	ready, wait := s.ready()
	due := s.events.due(s.now)
	if wait > 0 && due == 0 {
		next, some := s.events.next()
		if left := next.Sub(s.now); some && (left < wait || len(ready) == 0) {
			wait = left
		} else if len(ready) == 0 {
			return false
		}
		s.now = s.now.Add(wait)
		ready, wait = s.ready()
		due = s.events.due(s.now)
	}
	if wait > 0 {
		ready = nil
	}
	s.steps++
	n := int(s.random.Uint64N(uint64(len(ready) + due)))
	if n < len(ready) {
		if len(ready) > 1 {
			slices.SortFunc(ready, (*caller).order)
		}
		c := ready[n]
		s.note(c.domain.name, c.task, c.key)
		s.release(c)
		return true
	}
	e := s.events.take(n - len(ready))
	s.note(e.key)
	e.do()
	return true
}

// note makes a step part of the run's hash.
func (s *scheduler) note(key ...string) {
	b := binary.LittleEndian.AppendUint64(s.line[:0], uint64(s.now.UnixNano()))
	for i, part := range key {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, part...)
	}
	_, _ = s.sum.Write(b)
	s.line = b
	if s.watch != nil {
		s.watch(string(b[8:]))
	}
}

// ready lists the callers that may go on now, or else those that may go on next, and how long that will be. It has no order.
func (s *scheduler) ready() (ready []*caller, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, first := s.now.UnixNano(), int64(math.MaxInt64)
	out := s.out[:0]
	for _, c := range s.parked {
		switch at := c.wakes(now); {
		case at < first:
			first, out = at, append(out[:0], c)
		case at == first:
			out = append(out, c)
		}
	}
	s.out = out
	return out, time.Duration(first - now)
}

func (s *scheduler) release(c *caller) {
	s.mu.Lock()
	last := len(s.parked) - 1
	s.parked[c.place] = s.parked[last]
	s.parked[c.place].place = c.place
	s.parked[last] = nil
	s.parked = s.parked[:last]
	s.mu.Unlock()
	close(c.goOn)
}

// killing makes sure that nothing of a domain goes on, whatever wakes it.
func (s *scheduler) killing(d *domain) { d.dead, d.died = true, s.now }

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
		if c.domain == d && (first == nil || c.order(first) < 0) {
			first = c
		}
	}
	return first
}

// after lets an event take place later.
func (s *scheduler) after(d time.Duration, key string, do func()) *event {
	return s.events.add(s.now.Add(d), key, do)
}
