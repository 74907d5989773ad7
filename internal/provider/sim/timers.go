package sim

import (
	"container/heap"
	"time"
)

// timer says that a machine has something due. It is void when the machine's version has moved on.
type timer struct {
	at      time.Time
	machine *machine
	version int
}

// timers are ordered by time, then by the machines' numbers.
type timers []timer

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	if t[i].at.Equal(t[j].at) {
		return t[i].machine.number < t[j].machine.number
	}
	return t[i].at.Before(t[j].at)
}
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

// Push is heap.Interface's.
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) } //nolint:forcetypeassert // heap.Push gives what set gave it

// Pop is heap.Interface's.
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}

// set replaces a machine's timer by one for what it has due next.
func (t *timers) set(m *machine) {
	m.version++
	if at, _ := m.next(); !at.IsZero() {
		heap.Push(t, timer{at, m, m.version})
	}
}

// first returns the next machine that has something due, and when.
func (t *timers) first() (*machine, time.Time) {
	for len(*t) > 0 {
		if top := (*t)[0]; top.version == top.machine.version {
			return top.machine, top.at
		}
		heap.Pop(t)
	}
	return nil, time.Time{}
}
