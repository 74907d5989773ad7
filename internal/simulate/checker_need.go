package simulate

import (
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// need counts demand and supply of every shape by itself, from the rows as they are committed: section 1 of the protocol once
// more, in other words and without the controller's code. A launch must have been needed at some time since it was decided.
type need struct {
	w        *World
	jobs     map[fleet.ShapeKey]map[int64]fleet.Job // queued
	machines map[string]fleet.Machine               // that supply or are held
	launches map[fleet.ShapeKey]map[string]fleet.Launch
	heads    map[fleet.ShapeKey]record.Head
	jobShape map[int64]fleet.ShapeKey
	past     map[fleet.ShapeKey][]deficitAt
	together map[fleet.ShapeKey]int // machines that the transaction at hand launches
}

type deficitAt struct {
	at      time.Time
	deficit int
}

// The bounds of section 1, written anew: a mutation of the controller's must not change what it is held to.
const (
	needBoot      = 5 * time.Minute
	needUnheard   = 60 * time.Second
	clocksApart   = 10 * time.Second // two replicas' at most, and what a decision takes
	decisionTakes = 30 * time.Second
	pastKept      = 10 * time.Minute
)

func newNeed(w *World) *need {
	return &need{
		w: w, jobs: map[fleet.ShapeKey]map[int64]fleet.Job{}, machines: map[string]fleet.Machine{},
		launches: map[fleet.ShapeKey]map[string]fleet.Launch{}, heads: map[fleet.ShapeKey]record.Head{},
		jobShape: map[int64]fleet.ShapeKey{}, past: map[fleet.ShapeKey][]deficitAt{},
	}
}

// held is rule 1.3: the demand that a machine is held for.
func held(m fleet.Machine, now time.Time) fleet.DemandKey {
	switch {
	case m.Job != 0 || m.HoldEnded:
		return ""
	case !m.WorkerStarted.IsZero():
		return m.Demand
	case (m.State == fleet.MachineAssigned || m.State == fleet.MachineListening) && now.Before(m.Lease):
		return m.Demand
	default:
		return ""
	}
}

// counted says whether a queued job is part of its demand's need (rules 1.9, 4.6, 5.7).
func (n *need) counted(j fleet.Job, now time.Time) bool {
	head := n.heads[j.Shape]
	_, moved := head.Moved[j.Demand]
	return j.State == fleet.JobQueued && j.Problem == nil && j.Demand != "" && !moved &&
		!now.Before(j.BackoffUntil) && !now.Before(head.Refused[j.Demand])
}

// deficit is rule 1.7.
func (n *need) deficit(k fleet.ShapeKey, now time.Time) int {
	queued := map[fleet.DemandKey]int{}
	for _, j := range n.jobs[k] {
		if n.counted(j, now) {
			queued[j.Demand]++
		}
	}
	total := 0
	for _, m := range n.machines {
		if d := held(m, now); d != "" && queued[d] > 0 {
			queued[d]--
		}
		if m.Shape == k && (m.State == fleet.MachineStarting && now.Before(m.Launched.Add(needBoot)) ||
			m.State == fleet.MachineReady && now.Before(m.Lease)) {
			total--
		}
	}
	for _, q := range queued {
		total += q
	}
	return total - n.outstanding(k, now)
}

// outstanding is rule 1.6.
func (n *need) outstanding(k fleet.ShapeKey, now time.Time) int {
	sum, left := 0, 0
	var oldest time.Time
	for _, l := range n.launches[k] {
		open := l.Count - l.Attached - l.Failed
		sum += open
		late := l.Answered.IsZero() && now.Sub(l.Created) >= needUnheard
		switch {
		case !late || !oldest.IsZero() && l.Created.After(oldest):
		case l.Created.Equal(oldest):
			left = max(left, open)
		default:
			oldest, left = l.Created, open
		}
	}
	return sum - left
}

// wrote brings a transaction into the counts, after it has judged the launches in it.
func (n *need) wrote(d *domain, writes []store.Write) {
	touched := map[fleet.ShapeKey]bool{}
	n.together = map[fleet.ShapeKey]int{}
	var changes []func()
	for _, w := range writes {
		if w.Op == store.OpPut {
			changes = n.change(d, w.Row, changes, touched)
		}
	}
	if len(changes) == 0 {
		return
	}
	n.note(touched)
	for _, c := range changes {
		c()
	}
	n.note(touched)
}

// note remembers what the shapes lack now, by the fastest clock.
func (n *need) note(shapes map[fleet.ShapeKey]bool) {
	now := n.w.s.now
	for k := range shapes {
		n.past[k] = append(n.past[k], deficitAt{now, n.deficit(k, now.Add(clocksApart))})
		for len(n.past[k]) > 1 && now.Sub(n.past[k][1].at) > pastKept {
			n.past[k] = n.past[k][1:]
		}
	}
}

func (n *need) change(d *domain, row store.Row, changes []func(), touched map[fleet.ShapeKey]bool) []func() {
	switch kind := kindOf(row); kind {
	case "job":
		j, ok := told[fleet.Job](n.w.check, row)
		if !ok {
			return changes
		}
		touched[j.Shape], touched[n.jobShape[j.ID.ID]] = true, true
		return append(changes, func() { n.job(j) })
	case "machine":
		m, ok := told[fleet.Machine](n.w.check, row)
		if !ok {
			return changes
		}
		touched[m.Shape] = true
		for k, jobs := range n.jobs { // its demand may belong to another shape
			for _, j := range jobs {
				touched[k] = touched[k] || j.Demand == m.Demand
			}
		}
		return append(changes, func() { n.machine(m) })
	case "launch":
		l, ok := told[fleet.Launch](n.w.check, row)
		if !ok {
			return changes
		}
		touched[l.Shape] = true
		if was, known := n.w.check.rows.launches[row.Key.Partition]; known {
			n.w.check.givesUp(d, was, l)
		} else {
			n.judge(d, l)
		}
		return append(changes, func() { n.launch(l) })
	case "head":
		h, ok := told[record.Head](n.w.check, row)
		if !ok {
			return changes
		}
		touched[h.Key] = true
		return append(changes, func() { n.heads[h.Key] = h })
	default:
		return changes
	}
}

func (n *need) job(j fleet.Job) {
	id := j.ID.ID
	delete(n.jobs[n.jobShape[id]], id)
	n.jobShape[id] = j.Shape
	if j.State != fleet.JobQueued {
		return
	}
	if n.jobs[j.Shape] == nil {
		n.jobs[j.Shape] = map[int64]fleet.Job{}
	}
	n.jobs[j.Shape][id] = j
}

func (n *need) machine(m fleet.Machine) {
	supplies := m.State == fleet.MachineStarting || m.State == fleet.MachineReady
	mayBeHeld := m.Demand != "" && m.Job == 0 && !m.HoldEnded &&
		(!m.WorkerStarted.IsZero() || m.State == fleet.MachineAssigned || m.State == fleet.MachineListening)
	if !supplies && !mayBeHeld {
		delete(n.machines, m.ID.ID)
		return
	}
	n.machines[m.ID.ID] = m
}

func (n *need) launch(l fleet.Launch) {
	if n.launches[l.Shape] == nil {
		n.launches[l.Shape] = map[string]fleet.Launch{}
	}
	if l.Count == l.Attached+l.Failed {
		delete(n.launches[l.Shape], l.ID)
		return
	}
	n.launches[l.Shape][l.ID] = l
}

// judge asserts LaunchForNeed (rules 1.7, 1.8, 1.12): a launch, and those of the same decision, are no larger than what their
// shape lacked at some time between the reading that they were decided on and now.
func (n *need) judge(d *domain, l fleet.Launch) {
	now := n.w.s.now
	lacked := n.deficit(l.Shape, now.Add(clocksApart))
	since := l.Created.Add(-d.skew - decisionTakes)
	past := n.past[l.Shape]
	for i := range past {
		if !past[i].at.Before(since) || i+1 < len(past) && !past[i+1].at.Before(since) {
			lacked = max(lacked, past[i].deficit)
		}
	}
	n.together[l.Shape] += l.Count
	count := n.together[l.Shape]
	if most := n.w.maxRunners(); most > 0 && n.alive()+count > most {
		n.w.check.violated("MaxRunners", []string{l.ID}, "%s launches %d machines, %d live or are on their way, and %d are allowed (rule 1.8)",
			d.name, count, n.alive(), most)
	}
	if count > lacked {
		n.w.check.violated("LaunchForNeed", []string{l.ID, string(l.Shape)}, "%s launches %d machines for shape %s, which lacks %d (rule 1.7)",
			d.name, count, l.Shape, max(0, lacked))
	}
}

// alive counts the environment's machines: those with a live row, and the open places of launches.
func (n *need) alive() int {
	sum := 0
	for _, m := range n.w.check.rows.machines {
		if m.State != fleet.MachineGone && m.State != fleet.MachineFailed {
			sum++
		}
	}
	for _, launches := range n.launches {
		for _, l := range launches {
			sum += l.Count - l.Attached - l.Failed
		}
	}
	return sum
}

// supply lists a shape's machines that start or are ready, in a stable order; same differs when any of them has changed.
func (n *need) supply(k fleet.ShapeKey) (ids []string, same string) {
	for id, m := range n.machines {
		if m.Shape == k && (m.State == fleet.MachineStarting || m.State == fleet.MachineReady) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		same += id + " since " + n.machines[id].Since.String() + ", "
	}
	return ids, same
}

// shapeOf is the shape that a machine's demand belongs to.
func (n *need) shapeOf(m fleet.Machine) fleet.ShapeKey {
	if to, moved := n.heads[m.Shape].Moved[m.Demand]; moved {
		return to
	}
	return m.Shape
}
