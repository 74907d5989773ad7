package simulate

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/store"
)

// rows are the newest values of the rows whose changes are checked.
type rows struct {
	jobs     map[string]fleet.Job
	machines map[string]fleet.Machine
	launches map[string]fleet.Launch
	attached map[string]int    // machines by launch
	lost     map[string]bool   // machines whose lease ran out
	byID     map[string]string // the keys of machines' rows
	jobKeys  map[int64]string
	told     map[store.Key]any   // the rows of the present transaction
	names    map[string]string   // machines by the names of their runners
	vain     map[string]bool     // machines that listened while GitHub held a job for them
	seen     map[int64]time.Time // jobs, since their first row
}

func newRows() rows {
	return rows{
		jobs: map[string]fleet.Job{}, machines: map[string]fleet.Machine{}, launches: map[string]fleet.Launch{}, attached: map[string]int{},
		lost: map[string]bool{}, byID: map[string]string{}, jobKeys: map[int64]string{}, told: map[store.Key]any{},
		names: map[string]string{}, vain: map[string]bool{}, seen: map[int64]time.Time{},
	}
}

// givenUp is when a launch without an answer is settled by a listing (rule 2.4).
const givenUp = 10 * time.Minute

// kindOf says what a row is: a job, a machine, a launch, the head of a shape, or something else.
func kindOf(row store.Row) string {
	kind, _, _ := strings.Cut(row.Key.Partition, "/")
	switch {
	case kind == row.Key.Sort && (kind == "job" || kind == "machine" || kind == "launch"):
		return kind
	case kind == "leases" && strings.HasPrefix(row.Key.Sort, "lease/"):
		return "lease"
	case kind == "shape" && row.Key.Sort == "head":
		return "head"
	case kind == "fleet" && row.Key.Sort == "heartbeat":
		return "heartbeat"
	default:
		return ""
	}
}

// wrote is told of every transaction that was made, and asserts Forward, OneFleetPerLaunch, LaunchForNeed and Rules.
func (c *checker) wrote(d *domain, writes []store.Write) {
	c.need.wrote(d, writes)
	for _, w := range writes {
		if w.Op != store.OpPut {
			continue
		}
		switch kindOf(w.Row) {
		case "lease":
			c.recovery.lease(d, w.Row)
		case "heartbeat":
			c.wroteHeartbeat(d, w.Row)
		case "job":
			c.wroteJob(d, w.Row)
		case "machine":
			c.wroteMachine(d, w.Row)
		case "launch":
			c.wroteLaunch(d, w.Row)
		}
	}
	c.rules.committed()
	clear(c.rows.told)
}

// told decodes a row of the transaction that is looked at, once for all who look.
func told[T any](c *checker, row store.Row) (v T, ok bool) {
	if v, ok = c.rows.told[row.Key].(T); ok {
		return v, true
	}
	if json.Unmarshal(row.Value, &v) != nil {
		return v, false
	}
	c.rows.told[row.Key] = v
	return v, true
}

func (c *checker) wroteJob(d *domain, row store.Row) {
	j, ok := told[fleet.Job](c, row)
	if !ok {
		return
	}
	was, known := c.rows.jobs[row.Key.Partition]
	c.rows.jobs[row.Key.Partition] = j
	about := jobName(j.ID.ID)
	c.rows.jobKeys[j.ID.ID] = row.Key.Partition
	if !known || was.State != j.State || was.Epoch != j.Epoch || was.Runner != j.Runner {
		c.w.history.add(about, "%s: row of %s: %s, epoch %d, runner %q", d.name, about, j.State, j.Epoch, j.Runner)
	}
	c.rules.job(d, was, j, known)
	c.recovery.row(j)
	if j.State == fleet.JobInProgress && was.State != j.State {
		c.starts[j.Demand] = c.w.s.now
		delete(c.rules.vain, j.Demand)
	}
	if !known {
		c.rows.seen[j.ID.ID] = c.w.s.now
		return
	}
	c.surplus.job(was, j)
	switch {
	case j.Epoch > 1+c.w.hub.requeued[j.ID.ID]:
		c.violated("Forward", []string{about}, "%s: %s enters epoch %d, and GitHub has taken it back %d times (rule 5.3)",
			d.name, about, j.Epoch, c.w.hub.requeued[j.ID.ID])
	case j.Epoch < was.Epoch || was.Over() && !j.Over():
		c.violated("Forward", []string{about}, "%s: %s goes from %s (epoch %d) to %s (epoch %d)", d.name, about, was.State, was.Epoch, j.State, j.Epoch)
	case j.Epoch == was.Epoch && j.State.Rank() < was.State.Rank():
		c.violated("Forward", []string{about}, "%s: %s goes from %s back to %s within epoch %d", d.name, about, was.State, j.State, j.Epoch)
	}
}

// onward lists the states that may follow a state of a machine (rule 6.4).
func onward(s fleet.MachineState) []fleet.MachineState {
	ends := []fleet.MachineState{fleet.MachineRetiring, fleet.MachineGone, fleet.MachineFailed}
	switch s {
	case fleet.MachineStarting:
		return append(ends, fleet.MachineReady)
	case fleet.MachineReady:
		return append(ends, fleet.MachineAssigned)
	case fleet.MachineAssigned:
		return append(ends, fleet.MachineReady, fleet.MachineListening, fleet.MachineWorking)
	case fleet.MachineListening:
		return append(ends, fleet.MachineWorking)
	case fleet.MachineWorking:
		return ends
	case fleet.MachineRetiring:
		return append(ends, fleet.MachineWorking)
	default:
		return nil
	}
}

// tellMachine adds a machine's row to the history.
func (c *checker) tellMachine(d *domain, m fleet.Machine) {
	if !c.w.history.keep {
		return
	}
	text := ""
	if n := len(m.History); n > 0 {
		text = m.History[n-1].Text
	}
	c.w.history.add(m.ID.ID, "%s: row of %s: %s, job %d, demand %s: %s", d.name, m.ID.ID, m.State, m.Job, m.Demand, text)
}

func (c *checker) wroteMachine(d *domain, row store.Row) {
	m, ok := told[fleet.Machine](c, row)
	if !ok {
		return
	}
	was, known := c.rows.machines[row.Key.Partition]
	c.rows.machines[row.Key.Partition] = m
	about := m.ID.ID
	c.rows.byID[about] = row.Key.Partition
	for _, r := range m.Runners {
		c.rows.names[r.Name] = about
	}
	if !known || was.State != m.State || was.Job != m.Job || len(was.History) != len(m.History) {
		c.tellMachine(d, m)
	}
	if !known {
		c.attach(m)
		return
	}
	c.surplus.machine(was, m)
	c.rules.machine(d, was, m)
	c.recovery.machineRow(m)
	if m.State == fleet.MachineRetiring && was.State == fleet.MachineListening && c.inVain(was) {
		c.rows.vain[about] = true
	}
	if m.State != was.State && !slices.Contains(onward(was.State), m.State) {
		c.violated("Forward", []string{about}, "%s: %s goes from %s to %s (rule 6.4)", d.name, about, was.State, m.State)
	}
	if m.State == fleet.MachineRetiring && was.State != m.State && !c.w.s.now.Add(d.skew).Before(was.Lease) {
		c.rows.lost[about] = true
	}
	for _, r := range was.Runners {
		if !r.HandedOut.IsZero() && !m.Named(r.Name) {
			c.violated("Forward", []string{about}, "%s: %s has lost the name %s (rule 4.3)", d.name, about, r.Name)
		}
	}
}

// job returns the row of a job as it was last committed.
func (r *rows) job(id int64) (j fleet.Job, known bool) {
	j, known = r.jobs[r.jobKeys[id]]
	return j, known
}

// launch returns the row of a launch as it was last committed.
func (r *rows) launch(id string) (l fleet.Launch, known bool) {
	l, known = r.launches[launchPartition+id]
	return l, known
}

const launchPartition = "launch/"

// jobKey is the partition of a job's row.
func (c *checker) jobKey(id int64) string { return c.rows.jobKeys[id] }

// attach counts a launch's machines.
func (c *checker) attach(m fleet.Machine) {
	c.rows.attached[m.Launch]++
	made := c.w.cloud.launches[m.Launch]
	switch {
	case made == nil:
		c.violated("OneFleetPerLaunch", []string{m.ID.ID, m.Launch}, "%s attaches to launch %s, which was never called", m.ID.ID, m.Launch)
	case c.rows.attached[m.Launch] > made.count:
		c.violated("OneFleetPerLaunch", []string{m.ID.ID, m.Launch}, "launch %s of %d has %d machines", m.Launch, made.count, c.rows.attached[m.Launch])
	}
}

func (c *checker) wroteLaunch(d *domain, row store.Row) {
	l, ok := told[fleet.Launch](c, row)
	if !ok {
		return
	}
	was, known := c.rows.launches[row.Key.Partition]
	c.rows.launches[row.Key.Partition] = l
	if known {
		c.surplus.launch(was, l)
	}
	if !known || was.Attached != l.Attached || was.Failed != l.Failed {
		c.w.history.add(l.ID, "%s: row of launch %s: %d of %d attached, %d failed", d.name, l.ID, l.Attached, l.Count, l.Failed)
	}
	if l.Attached+l.Failed > l.Count {
		c.violated("OneFleetPerLaunch", []string{l.ID}, "%s: launch %s of %d has %d attached and %d failed", d.name, l.ID, l.Count, l.Attached, l.Failed)
	}
	if known && l.Failed > was.Failed && c.w.cloud.unanswered(l.ID) && c.w.s.now.Add(clocksApart).Sub(l.Created) < givenUp {
		c.violated("Rule 2.4", []string{l.ID}, "%s: %d places of launch %s failed without an answer", d.name, l.Failed-was.Failed, l.ID)
	}
	if known && (l.Attached < was.Attached || l.Failed < was.Failed || !bytes.Equal(l.Request, was.Request)) {
		c.violated("Forward", []string{l.ID}, "%s: launch %s goes back", d.name, l.ID)
	}
}
