package pool

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// work is a plan in the making.
type work struct {
	pool     Pool
	revision string
	boots    Boots
	limits   Limits
	now      time.Time

	ready, starting, stopped, stopping []Machine
	outstanding                        int
	leaving                            int // on their way out, or taken
	all                                int // whatever counts for max
	room                               int
	resting                            string

	target  target
	plan    Plan
	ordered bool
	left    Limits // what is left of the limits
}

// Make decides what a pool does now.
func Make(p Pool, o Observation, b Boots, l Limits, now time.Time) Plan {
	return new(work).make(p, o, b, l, now)
}

// make is Make in memory that is used again.
func (w *work) make(p Pool, o Observation, b Boots, l Limits, now time.Time) Plan {
	*w = work{
		pool: p, revision: p.Revision(), boots: b, limits: l, left: l, now: now,
		ready: w.ready[:0], starting: w.starting[:0], stopped: w.stopped[:0], stopping: w.stopping[:0],
		outstanding: o.Outstanding, all: o.Outstanding, room: max(0, o.Room-o.Waiting), resting: o.Resting,
	}
	w.sort(o.Machines)
	w.target = w.aim()
	w.plan.Size = w.target.now
	w.plan.Target.Running, w.plan.Target.Stopped = w.target.create, w.target.stopped
	missing := w.grow()
	w.replace(missing)
	w.shrink()
	w.plan.Next = w.target.next
	return w.plan
}

// sort puts the machines by state. Whatever exists counts for max, also what a job has taken meanwhile.
func (w *work) sort(machines []Machine) {
	for _, m := range machines {
		switch m.State {
		case fleet.MachineGone, fleet.MachineFailed:
			continue
		case fleet.MachineReady:
			w.ready = append(w.ready, m)
		case fleet.MachineStarting:
			w.starting = append(w.starting, m)
		case fleet.MachineStopped:
			w.stopped = append(w.stopped, m)
		case fleet.MachineStopping:
			w.stopping = append(w.stopping, m)
		default: // on its way out, or a job's
			w.leaving++
		}
		w.all++
	}
}

// inOrder sorts what may be chosen from, once something has to be chosen: mostly there is nothing to do.
func (w *work) inOrder() {
	if w.ordered {
		return
	}
	w.ordered = true
	// The stale first, then those that were not meant to run, then the longest idle: the order in which they may go.
	order := func(a, b Machine) int {
		return cmp.Or(
			-compareBool(w.stale(a), w.stale(b)), -compareBool(a.Bank, b.Bank), a.Idle.Compare(b.Idle), cmp.Compare(a.ID, b.ID),
		)
	}
	slices.SortFunc(w.ready, order)
	slices.SortFunc(w.stopped, order)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

func (w *work) stale(m Machine) bool { return m.Revision != w.revision }

// running is what runs or will, as far as it is known.
func (w *work) running() int { return len(w.ready) + len(w.starting) + w.outstanding }

// banked is what is stopped or will be.
func (w *work) banked() int { return len(w.stopped) + len(w.stopping) }

func (w *work) act(a Action) { w.plan.Actions = append(w.plan.Actions, a) }

// grow starts and creates what is missing, and says how many are still missing after that.
func (w *work) grow() (missing int) {
	t := w.target
	starts := min(max(0, t.start-w.running()), len(w.stopped), w.left.Start, w.room)
	if starts > 0 {
		w.inOrder()
	}
	for range starts {
		last := len(w.stopped) - 1 // the freshest
		m := w.stopped[last]
		w.stopped = w.stopped[:last]
		w.starting = append(w.starting, m)
		w.room--
		w.left.Start--
		w.act(Action{Kind: Start, Machine: m.ID, Reason: fmt.Sprintf("%s.", w.wanted(t.start, "run"))})
	}
	missing = max(0, t.create+t.stopped-w.running()-w.banked())
	n := w.mayCreate(missing)
	if n < missing {
		w.plan.Limit = w.limit(missing)
	}
	run := min(n, max(0, t.create-w.running()-len(w.stopped)))
	w.create(Create, run, false, fmt.Sprintf("%s, and %d do or will.", w.wanted(t.create, "run"), w.running()))
	w.create(Create, n-run, true, fmt.Sprintf("%d shall be stopped, and %d are or will be.", t.stopped, w.banked()))
	return missing
}

// wanted says how many shall be, and when that is not what applies now.
func (w *work) wanted(n int, what string) string {
	if n == w.target.now.Running {
		return fmt.Sprintf("%d shall %s", n, what)
	}
	return fmt.Sprintf("%d shall %s soon", n, what)
}

// mayCreate is how many of n there is room for in every respect.
func (w *work) mayCreate(n int) int {
	if w.resting != "" {
		return 0
	}
	return max(0, min(n, w.left.Create, w.room, w.pool.Max-w.all))
}

// limit says why not all of n are created.
func (w *work) limit(n int) string {
	switch {
	case w.resting != "":
		return w.resting
	case w.pool.Max-w.all < n:
		return fmt.Sprintf("the pool has %d machines, and its max is %d", w.all, w.pool.Max)
	case w.room < n:
		return "there is no more room, or jobs wait for it"
	default:
		return fmt.Sprintf("at most %d are created at a time", w.limits.Create)
	}
}

func (w *work) create(k Kind, n int, bank bool, reason string) {
	if n <= 0 {
		return
	}
	w.act(Action{Kind: k, Count: n, Bank: bank, Reason: reason})
	w.outstanding += n
	w.all += n
	w.room -= n
	w.left.Create -= n
}

// shrink stops and ends what is more than enough, now and soon, and has been idle for long enough.
func (w *work) shrink() {
	keep := w.target.keep
	spare := len(w.ready) - max(keep.Running, w.target.create)
	over := len(w.stopped) - keep.Stopped - max(0, keep.Running-w.running())
	if spare <= 0 && over <= 0 {
		return
	}
	w.inOrder()
	for _, m := range w.ready {
		if spare <= 0 {
			break
		}
		if w.stale(m) { // its end is the rollout's to say
			spare--
			continue
		}
		if w.give(m, keep.Stopped) {
			spare--
		}
	}
	for _, m := range w.stopped {
		if over <= 0 || w.left.Terminate <= 0 {
			break
		}
		over--
		if w.stale(m) || !w.past(m.Since, w.pool.IdleTimeout) {
			continue
		}
		w.end(m, fmt.Sprintf("%d shall be stopped, and it was not needed for %s.", keep.Stopped, minutes(w.pool.IdleTimeout)))
	}
}

// give stops or ends a ready machine that is more than enough, if its time has come.
func (w *work) give(m Machine, keepStopped int) bool {
	if !w.past(m.Begun, w.limits.Grace) {
		return false
	}
	fresh := w.banked() - w.count(w.stopped) - w.count(w.stopping) // the stale are about to be replaced by it
	room := fresh < max(keepStopped, w.target.stopped)
	bank := m.Bank && room
	if !bank && !w.past(m.Idle, w.pool.IdleTimeout) {
		return false
	}
	reason := "It was launched to be stopped."
	if !bank {
		reason = fmt.Sprintf("%d shall run, and it was idle for %s.", w.target.keep.Running, minutes(w.pool.IdleTimeout))
	}
	if !room {
		if w.left.Terminate <= 0 {
			return false
		}
		w.end(m, reason)
		return true
	}
	if w.left.Stop <= 0 {
		return false
	}
	w.left.Stop--
	w.stopping = append(w.stopping, m)
	w.act(Action{Kind: Stop, Machine: m.ID, Reason: reason})
	return true
}

func (w *work) end(m Machine, reason string) {
	w.left.Terminate--
	w.act(Action{Kind: Terminate, Machine: m.ID, Reason: reason})
}

// past says whether a time is so long ago, and else when to look again.
func (w *work) past(at time.Time, d time.Duration) bool {
	then := at.Add(d)
	if w.now.Before(then) {
		w.target.sooner(w.now, then)
		return false
	}
	return true
}

func minutes(d time.Duration) string {
	if d%time.Minute == 0 && d != 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return d.String()
}
