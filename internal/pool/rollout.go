package pool

import (
	"fmt"
	"slices"
)

// replace brings machines of a former revision out, a few at a time: the new one is made before the old one ends, except
// where max leaves no place for both.
func (w *work) replace(missing int) {
	staleReady, staleStopped := w.count(w.ready), w.count(w.stopped)
	stale := staleReady + staleStopped
	if stale == 0 {
		return
	}
	w.inOrder()
	total := w.target.create + w.target.stopped
	surge := max(1, min(w.limits.Rollout, (total+9)/10)) //nolint:mnd // a tenth
	have := w.running() + w.banked()
	fresh := have - stale - w.count(w.starting) - w.count(w.stopping)
	if n := min(total-fresh, surge-max(0, have-total)); missing == 0 && n > 0 {
		n = w.mayCreate(n)
		running := w.running() - staleReady - w.count(w.starting)
		run := min(n, max(0, w.target.create-running))
		const reason = "%d of %d machines are of a former configuration."
		w.create(Replace, run, false, fmt.Sprintf(reason, stale, have))
		w.create(Replace, n-run, true, fmt.Sprintf(reason, stale, have))
	}
	w.retire(surge, missing)
}

// retire ends stale machines for which there is another, and where max leaves no place for one, ends a few before.
func (w *work) retire(surge, missing int) {
	const replaced = "It is of a former configuration, and another is there in its place."
	spareReady := len(w.ready) - max(w.target.keep.Running, w.target.create)
	spareStopped := len(w.stopped) - max(w.target.keep.Stopped, w.target.stopped)
	left := surge
	for _, m := range w.stopped {
		if left > 0 && spareStopped > 0 && w.stale(m) && w.left.Terminate > 0 {
			w.end(m, replaced)
			left, spareStopped = left-1, spareStopped-1
		}
	}
	for _, m := range w.ready {
		if left > 0 && spareReady > 0 && w.stale(m) && w.left.Terminate > 0 && w.past(m.Begun, w.limits.Grace) {
			w.end(m, replaced)
			left, spareReady = left-1, spareReady-1
		}
	}
	if left < surge || missing > 0 || w.resting != "" || w.target.create+w.target.stopped < w.pool.Max {
		return
	}
	w.makeRoom(surge)
}

// makeRoom ends stale machines before there is another. Those that are on their way already are waited for.
func (w *work) makeRoom(surge int) {
	onTheWay := w.outstanding + len(w.starting) + len(w.stopping) + w.leaving
	const first = "It is of a former configuration, and max leaves no place for another beside it."
	for _, m := range slices.Concat(w.stopped, w.ready) {
		if onTheWay >= surge || w.left.Terminate <= 0 {
			return
		}
		if w.stale(m) && w.past(m.Begun, w.limits.Grace) {
			w.end(m, first)
			onTheWay++
		}
	}
}

// count counts the stale ones.
func (w *work) count(machines []Machine) int {
	n := 0
	for _, m := range machines {
		if w.stale(m) {
			n++
		}
	}
	return n
}
