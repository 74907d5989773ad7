package controller

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// situation is all that a decision about one shape depends on.
type situation struct {
	View record.View
	Now  time.Time

	Live       int // machines of the environment
	MaxRunners int // 0: no limit
	Free       int // what the provider could still launch
	OlderWant  int // machines that shapes with an older queued job wait for
	Paced      int // how many more the minting budget bears (rule 4.7)
	Draining   bool
	Most       int    // machines to write at most; 0 is maxAssignments
	Launches   int    // launches to make at most; 0 is one
	Whole      bool   // jobs are still being gathered: only launches that no further job would fit into (rule 2.1)
	Resting    string // why no market may be tried now (rule 2.6); empty if one may
}

// decision is what to change, in one transaction.
type decision struct {
	Moves   []record.QueuedEntry // entries of demands that belong to another shape (rule 1.9)
	Assign  []assignment
	Retire  []retirement
	Launch  int // machines; more than one launch holds are several launches
	Surplus map[string]time.Time
	Limit   string // why Launch is less than the deficit; empty if it is not
	Wanted  int    // the part of the deficit that waits for room
	Oldest  time.Time
	Later   bool // something was left to the next decision, which follows at once
	Idle    bool // nothing queued, nothing supplying, nothing held: the shape may rest
}

type assignment struct {
	Machine fleet.MachineID
	Demand  fleet.DemandKey
}

type retirement struct {
	Machine fleet.MachineID
	Reason  string
}

// launchFirst leaves the machines' rows to the next decision if there is something to launch: their agents write them too, and
// a launch must not wait for a conflict with one of them.
func (d decision) launchFirst(h record.Head) decision {
	if d.Launch == 0 || len(d.Assign)+len(d.Retire)+len(d.Moves) == 0 {
		return d
	}
	d.Assign, d.Retire, d.Moves = nil, nil, nil
	d.Surplus = h.Surplus
	d.Later = true
	return d
}

// demandCount is what is counted of one demand.
type demandCount struct {
	key    fleet.DemandKey
	queued int       // entries that count now
	held   int       // machines held for it
	oldest time.Time // of the queued ones
	idle   []fleet.Count
}

func (d demandCount) need() int { return max(0, d.queued-d.held) }

// decide is the heart of the fleet: sections 1 and 4.1 of the rules, pure.
func decide(s situation) decision {
	d := decision{Surplus: map[string]time.Time{}}
	counts := s.count(&d)
	ready, starting := s.supply()
	outstanding := s.outstanding()

	need := 0
	for _, c := range counts {
		need += c.need()
	}
	need -= s.assign(&d, counts, &ready)
	deficit := need - len(ready) - len(starting) - outstanding
	s.surplus(&d, counts, ready, starting, -deficit)
	s.launch(&d, deficit)
	for _, c := range counts {
		if c.need() > 0 && (d.Oldest.IsZero() || c.oldest.Before(d.Oldest)) {
			d.Oldest = c.oldest
		}
	}
	d.Idle = len(s.View.Jobs) == 0 && len(s.View.Machines) == 0 && len(s.View.Launches) == 0 && !s.View.Truncated
	return d
}

// count applies rules 1.2, 1.3, 4.6 and 5.7. Its order is that of the oldest queued job.
func (s situation) count(d *decision) []demandCount {
	byKey := map[fleet.DemandKey]*demandCount{}
	var order []*demandCount
	of := func(k fleet.DemandKey) *demandCount {
		c := byKey[k]
		if c == nil {
			c = &demandCount{key: k}
			byKey[k] = c
			order = append(order, c)
		}
		return c
	}
	for _, j := range s.View.Jobs {
		if _, moved := s.View.Head.V.Moved[j.Demand]; moved {
			d.Moves = append(d.Moves, j)
			continue
		}
		if !s.View.Counts(j, s.Now) {
			of(j.Demand)
			continue
		}
		c := of(j.Demand)
		c.queued++
		if c.oldest.IsZero() || j.Queued.Before(c.oldest) {
			c.oldest = j.Queued
		}
	}
	for _, m := range s.View.Machines {
		held := m.HeldFor(s.Now)
		if held == "" {
			continue
		}
		if _, moved := s.View.Head.V.Moved[held]; moved {
			continue // counted where the demand belongs
		}
		c := of(held)
		c.held++
		if !m.Worker {
			c.idle = append(c.idle, m)
		}
	}
	slices.SortStableFunc(order, func(a, b *demandCount) int {
		return cmp.Or(a.oldest.Compare(b.oldest), cmp.Compare(a.key, b.key))
	})
	out := make([]demandCount, len(order))
	for i, c := range order {
		out[i] = *c
	}
	return out
}

// supply returns the machines that are ready and starting, oldest first (rule 1.7).
func (s situation) supply() (ready, starting []fleet.Count) {
	for _, m := range s.View.Machines {
		switch {
		case !m.Supplies(s.Now):
		case m.State == fleet.MachineReady:
			ready = append(ready, m)
		default:
			starting = append(starting, m)
		}
	}
	oldest := func(a, b fleet.Count) int {
		return cmp.Or(a.Launched.Compare(b.Launched), cmp.Compare(a.ID.String(), b.ID.String()))
	}
	slices.SortFunc(ready, oldest)
	slices.SortFunc(starting, oldest)
	return ready, starting
}

// outstanding implements rule 1.6: of the launches that got no answer for 60 s, the oldest no longer counts.
func (s situation) outstanding() int {
	n, left := 0, -1
	for i, l := range s.View.Launches {
		n += l.Outstanding
		late := l.Answered.IsZero() && s.Now.Sub(l.Created) >= fleet.LaunchCounts
		if late && (left < 0 || l.Created.Before(s.View.Launches[left].Created)) {
			left = i
		}
	}
	if left >= 0 {
		n -= s.View.Launches[left].Outstanding
	}
	return n
}

// assign gives ready machines to the demands with need, the oldest job first (rule 4.1), and says how many it gave.
func (s situation) assign(d *decision, counts []demandCount, ready *[]fleet.Count) int {
	given := 0
	for i := range counts {
		for counts[i].need() > 0 && len(*ready) > 0 && len(d.Assign) < s.most() {
			d.Assign = append(d.Assign, assignment{Machine: (*ready)[0].ID, Demand: counts[i].key})
			*ready = (*ready)[1:]
			counts[i].held++
			given++
		}
	}
	return given
}

// maxAssignments keeps a decision within one transaction (rule 1.12): an assignment is two writes.
const maxAssignments = 30

// most is how many machines this decision may write: fewer after a conflict, since each is a row that its agent writes too.
func (s situation) most() int {
	if s.Most == 0 {
		return maxAssignments
	}
	return s.Most
}

// surplus implements rule 1.10. Each machine has its own clock: it is retired once it has been surplus for 60 s.
func (s situation) surplus(d *decision, counts []demandCount, ready, starting []fleet.Count, over int) {
	if s.View.Truncated {
		return // there is more need than supply, and not every demand was read
	}
	var chosen []retirement
	pick := func(ms []fleet.Count, n int, reason string) int {
		for ; n > 0 && len(ms) > 0; n-- { // the newest first: the oldest are the closest to being useful
			chosen = append(chosen, retirement{Machine: ms[len(ms)-1].ID, Reason: reason})
			ms = ms[:len(ms)-1]
		}
		return n
	}
	if over > 0 {
		rest := pick(starting, over, textUnneeded)
		pick(ready, rest, textUnneeded)
	}
	for _, c := range counts {
		slices.SortStableFunc(c.idle, func(a, b fleet.Count) int {
			return cmp.Or(cmp.Compare(idleRank(b), idleRank(a)), a.Launched.Compare(b.Launched), cmp.Compare(a.ID.String(), b.ID.String()))
		})
		pick(c.idle, len(c.idle)-c.queued, textOutnumbered)
	}
	for _, r := range chosen {
		name := r.Machine.String()
		since, known := s.View.Head.V.Surplus[name]
		if !known {
			since = s.Now
		}
		if s.Now.Sub(since) >= fleet.SurplusFor && len(d.Retire) < s.most() {
			d.Retire = append(d.Retire, r)
			continue
		}
		d.Surplus[name] = since
	}
}

// idleRank puts machines that listen before those that are only assigned.
func idleRank(c fleet.Count) int {
	if c.State == fleet.MachineListening {
		return 1
	}
	return 0
}

// launch implements rule 1.8 and says which limit holds a launch back.
func (s situation) launch(d *decision, deficit int) {
	if deficit <= 0 {
		return
	}
	if s.Draining {
		d.Limit = "the fleet is draining and launches nothing more"
		return
	}
	if s.Resting != "" {
		d.Limit, d.Wanted = s.Resting, deficit
		return
	}
	type limit struct {
		room int
		why  string
	}
	limits := []limit{{max(0, s.Free), roomText(s.Free)}}
	if s.MaxRunners > 0 {
		room := max(0, s.MaxRunners-s.Live)
		limits = append(limits, limit{room, fmt.Sprintf("%d of %d runners of the environment are in use", s.Live, s.MaxRunners)})
	}
	room := limits[0]
	for _, l := range limits[1:] {
		if l.room < room.room {
			room = l
		}
	}
	if s.OlderWant > 0 && room.room < deficit+s.OlderWant {
		room = limit{max(0, room.room-s.OlderWant), room.why + ", and older jobs go first"}
	}
	if s.Paced < room.room {
		room = limit{max(0, s.Paced), "GitHub allows about 180 registrations a minute, and that many machines are on their way"}
	}
	d.Launch = min(deficit, room.room, s.mostLaunched())
	if d.Launch < min(deficit, s.mostLaunched()) {
		d.Limit, d.Wanted = room.why, deficit-d.Launch
	}
	if s.Whole {
		d.Launch -= d.Launch % fleet.MaxLaunchCount
	}
}

// mostLaunched is how many machines this decision may launch (rule 1.12).
func (s situation) mostLaunched() int { return max(1, s.Launches) * fleet.MaxLaunchCount }

func roomText(free int) string {
	switch {
	case free <= 0:
		return "every place for a machine is taken"
	case free == 1:
		return "there is room for one more machine only"
	default:
		return fmt.Sprintf("there is room for %d more machines only", free)
	}
}
