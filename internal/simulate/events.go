package simulate

import (
	"cmp"
	"container/heap"
	"slices"
	"sync"
	"time"
)

// event is something of the world around the controllers. Its key names it in the log; events of one time and key happen in
// the order in which they were planned.
type event struct {
	at  time.Time
	key string
	seq uint64
	do  func()
	off bool // called off
}

// events are those to come. Goroutines of the controllers may add to them.
type events struct {
	mu      sync.Mutex
	seq     uint64
	future  queueOfEvents
	present []*event // those that are due, in a stable order
}

func (e *events) add(at time.Time, key string, do func()) *event {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seq++
	planned := &event{at: at, key: key, seq: e.seq, do: do}
	heap.Push(&e.future, planned)
	return planned
}

// cancel calls an event off.
func (e *events) cancel(planned *event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	planned.off, planned.do = true, nil
}

// due says how many events can take place now.
func (e *events) due(now time.Time) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.present = slices.DeleteFunc(e.present, func(p *event) bool { return p.off })
	added := false
	for len(e.future) > 0 && (e.future[0].off || !e.future[0].at.After(now)) {
		next := heap.Pop(&e.future).(*event) //nolint:forcetypeassert // nothing else is pushed
		if !next.off {
			e.present = append(e.present, next)
			added = true
		}
	}
	if added {
		slices.SortFunc(e.present, func(a, b *event) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.seq, b.seq)) })
	}
	return len(e.present)
}

// take removes the i-th of those that are due.
func (e *events) take(i int) *event {
	e.mu.Lock()
	defer e.mu.Unlock()
	taken := e.present[i]
	e.present = slices.Delete(e.present, i, i+1)
	return taken
}

// next returns the time of the first event to come.
func (e *events) next() (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.future) > 0 && e.future[0].off {
		heap.Pop(&e.future)
	}
	if len(e.future) == 0 {
		return time.Time{}, false
	}
	return e.future[0].at, true
}

type queueOfEvents []*event

func (q queueOfEvents) Len() int { return len(q) }
func (q queueOfEvents) Less(i, k int) bool {
	return cmp.Or(q[i].at.Compare(q[k].at), cmp.Compare(q[i].key, q[k].key), cmp.Compare(q[i].seq, q[k].seq)) < 0
}
func (q queueOfEvents) Swap(i, k int) { q[i], q[k] = q[k], q[i] }

// Push implements heap.Interface.
func (q *queueOfEvents) Push(x any) { *q = append(*q, x.(*event)) } //nolint:forcetypeassert // see events

// Pop implements heap.Interface.
func (q *queueOfEvents) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return x
}
