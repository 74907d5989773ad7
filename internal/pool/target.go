package pool

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/schedule"
)

// target is what is aimed at.
type target struct {
	now schedule.Size // what applies now, within max
	// start is how many shall run or be booting; create counts further those for which a machine must be created now,
	// because what comes is too close to wait. Stopped machines can do for the difference.
	start, create int
	stopped       int
	// keep is below which nothing is given up: it will be wanted again soon.
	keep schedule.Size
	next time.Time // when one of these changes by itself
}

// sooner keeps the earliest time after now.
func (t *target) sooner(now, at time.Time) {
	if at.After(now) && (t.next.IsZero() || at.Before(t.next)) {
		t.next = at
	}
}

// capped cuts a size to max: running machines come first.
func capped(s schedule.Size, most int) schedule.Size {
	s.Running = min(s.Running, most)
	s.Stopped = min(s.Stopped, most-s.Running)
	return s
}

// aim looks at what applies now and will soon.
func (w *work) aim() target {
	p, now := w.pool, w.now
	var t target
	worst := w.boots.Create.For(p.Max, AssumedCreate) + w.limits.lateBy(p.Max, w.limits.Create)
	bank := w.limits.Grace + w.boots.Stop.For(p.Max, AssumedStop) + w.limits.lateBy(p.Max, w.limits.Stop)
	horizon := now.Add(worst + bank + w.limits.Settle)
	for i, span := range p.Schedule.Between(now, horizon) {
		size := capped(span.Size, p.Max)
		t.keep.Running, t.keep.Stopped = max(t.keep.Running, size.Running), max(t.keep.Stopped, size.Stopped)
		if i == 0 {
			t.now, t.start, t.create, t.stopped = size, size.Running, size.Running, size.Stopped
			continue
		}
		w.approach(&t, span.From, size)
	}
	if at, _, changes := p.Schedule.Next(now); changes {
		t.sooner(now, at.Add(-worst-bank))
		t.sooner(now, at)
	}
	t.create = max(t.create, t.start)
	t.keep = capped(t.keep, p.Max)
	t.stopped = min(t.stopped, p.Max-min(p.Max, t.create))
	return t
}

// approach takes in a size that will apply at a time, if what it needs must be set off now.
func (w *work) approach(t *target, at time.Time, size schedule.Size) {
	due := func(lead time.Duration) bool {
		begin := at.Add(-lead)
		t.sooner(w.now, begin)
		return !w.now.Before(begin)
	}
	if n := size.Running - len(w.ready); n > 0 {
		if due(w.boots.Start.For(n, AssumedStart) + w.limits.lateBy(n, w.limits.Start)) {
			t.start = max(t.start, size.Running)
		}
		if due(w.boots.Create.For(n, AssumedCreate) + w.limits.lateBy(n, w.limits.Create)) {
			t.create = max(t.create, size.Running)
		}
	}
	if n := size.Total() - len(w.ready) - len(w.stopped); size.Stopped > len(w.stopped) && n > 0 {
		lead := w.boots.Create.For(n, AssumedCreate) + w.limits.lateBy(n, w.limits.Create) +
			w.limits.Grace + w.boots.Stop.For(n, AssumedStop) + w.limits.lateBy(n, w.limits.Stop)
		if due(lead) {
			t.stopped = max(t.stopped, size.Stopped)
		}
	}
}
