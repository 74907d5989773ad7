package pool

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// Planner plans for many pools. It keeps what was observed of each, and a pass plans only for those of which something
// changed or whose time has come: what a pass costs depends on these alone. It is for one goroutine.
type Planner struct {
	limits Limits
	pools  map[string]*entry
	dirty  []*entry
	due    queue
	work   work // its memory is used again for every pool
}

// entry is one pool.
type entry struct {
	pool     Pool
	boots    Boots
	seen     Observation
	observed bool
	// decided says that something was done about what was seen, which therefore is no longer so.
	decided bool
	dirty   bool
	next    time.Time
	place   int // in the queue; -1 if it is not there
}

// NewPlanner returns a planner without pools.
func NewPlanner(l Limits) *Planner { return &Planner{limits: l, pools: map[string]*entry{}} }

// Configure adds a pool or changes it.
func (p *Planner) Configure(pool Pool, b Boots) {
	e := p.pools[pool.Name]
	if e == nil {
		e = &entry{place: -1}
		p.pools[pool.Name] = e
	}
	e.pool, e.boots = pool, b
	p.mark(e)
}

// Remove forgets a pool.
func (p *Planner) Remove(name string) {
	e := p.pools[name]
	if e == nil {
		return
	}
	p.unqueue(e)
	e.observed = false // in case it is marked
	delete(p.pools, name)
}

// Observe takes in what there is of a pool. What was observed before is no news.
func (p *Planner) Observe(name string, o Observation) {
	e := p.pools[name]
	if e == nil || e.observed && e.seen.Version == o.Version {
		return
	}
	e.seen, e.observed, e.decided = o, true, false
	p.mark(e)
}

func (p *Planner) mark(e *entry) {
	if !e.dirty {
		e.dirty = true
		p.dirty = append(p.dirty, e)
	}
}

// Decision is what a pool does, and on which observation that is founded: it must not be carried out on another.
type Decision struct {
	Pool    string
	Version uint64
	Plan    Plan
}

// Pass returns the plans that have something to do, in the order of the pools' names. A pool for which something was done is
// not planned for until it has been observed anew.
func (p *Planner) Pass(now time.Time) []Decision {
	for len(p.due) > 0 && !now.Before(p.due[0].next) {
		e := p.due[0]
		p.unqueue(e)
		p.mark(e)
	}
	changed := p.dirty
	p.dirty = nil
	slices.SortFunc(changed, func(a, b *entry) int { return cmp.Compare(a.pool.Name, b.pool.Name) })
	var out []Decision
	for _, e := range changed {
		e.dirty = false
		if !e.observed || e.decided {
			continue
		}
		plan := p.work.make(e.pool, e.seen, e.boots, p.limits, now)
		if len(plan.Actions) > 0 {
			e.decided = true
			out = append(out, Decision{Pool: e.pool.Name, Version: e.seen.Version, Plan: plan})
		}
		p.unqueue(e)
		if e.next = plan.Next; !e.next.IsZero() {
			heap.Push(&p.due, e)
		}
	}
	return out
}

func (p *Planner) unqueue(e *entry) {
	if e.place >= 0 {
		heap.Remove(&p.due, e.place)
	}
}

// queue has the pools by when they are planned for next.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].next.Before(q[j].next) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	e, _ := x.(*entry) // nothing else is pushed
	e.place = len(*q)
	*q = append(*q, e)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	e.place = -1
	*q = old[:len(old)-1]
	return e
}
