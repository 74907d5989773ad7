package forecast

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is what an outcome means to the owner of a fleet. Times are in seconds, as in the REST API; shares are of 1.
type Report struct {
	Jobs      int `json:"jobs"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`    // they ran and did not succeed: cut at their maximum, or their machine was lost
	NeverRan  int `json:"never_ran"` // GitHub cancels what is queued for a day

	Wait   Wait    `json:"wait"` // in the queue, of the jobs that ran
	Labels []Group `json:"labels,omitempty"`

	Machines        int     `json:"machines"`
	PeakMachines    int     `json:"peak_machines"`
	MaxRunners      int     `json:"max_runners,omitempty"`
	AtLimitSeconds  float64 `json:"at_limit_seconds"` // with as many machines as the limit allows
	SpanSeconds     float64 `json:"span_seconds"`     // from the first job until the last machine was gone
	MachineHours    float64 `json:"machine_hours"`
	BusyShare       float64 `json:"busy_share"` // of the machine hours, in which jobs ran
	BootShare       float64 `json:"boot_share"`
	IdleShare       float64 `json:"idle_share"` // the rest: registering, waiting for a job, going away
	WithoutJob      int     `json:"machines_without_job"`
	Interruptions   int     `json:"interruptions,omitempty"`
	Cost            float64 `json:"cost,omitempty"` // in the price's currency; absent without a price
	CostPerJob      float64 `json:"cost_per_job,omitempty"`
	CostOfIdleHours float64 `json:"cost_not_running_jobs,omitempty"`
}

// Wait is how long jobs waited, and for what on average.
type Wait struct {
	P50 float64 `json:"p50_seconds"`
	P90 float64 `json:"p90_seconds"`
	P99 float64 `json:"p99_seconds"`
	Max float64 `json:"max_seconds"`
	// Mean is the sum of the parts below.
	Mean  float64 `json:"mean_seconds"`
	Room  float64 `json:"mean_for_room_seconds"` // until fewer machines than the limit were there
	Order float64 `json:"mean_to_order_seconds"` // until the fleet had heard of the job and ordered a machine
	Boot  float64 `json:"mean_for_boot_seconds"` // until the machine spoke to the fleet
	Start float64 `json:"mean_to_start_seconds"` // until its runner was registered and had the job
}

// Group is the waits of jobs with the same labels.
type Group struct {
	Labels string `json:"labels"`
	Jobs   int    `json:"jobs"`
	Wait   Wait   `json:"wait"`
}

// mostGroups bounds the groups that are worth a line; with more, labels are not what tells jobs apart.
const mostGroups = 8

// NewReport makes the report of an outcome.
func NewReport(p Plan, o Outcome, price Price) (Report, error) {
	r := Report{Jobs: len(p.Jobs), MaxRunners: p.MaxRunners, Machines: len(o.Machines), Interruptions: o.Faults[reclaims]}
	r.SpanSeconds = (o.Ended - p.Jobs[0].At).Seconds()
	full := fullTimes(o.Machines, p.MaxRunners)
	for _, f := range full {
		r.AtLimitSeconds += f.length().Seconds()
	}
	groups := map[string][]waited{}
	var all []waited
	for i, s := range o.Jobs {
		switch {
		case !s.Ran:
			r.NeverRan++
			continue
		case s.Conclusion == "success":
			r.Succeeded++
		default:
			r.Failed++
		}
		w := partsOf(s, o.Machines, full)
		all = append(all, w)
		labels := strings.Join(p.Jobs[i].Labels, ", ")
		groups[labels] = append(groups[labels], w)
	}
	r.Wait = summary(all)
	if len(groups) > 1 && len(groups) <= mostGroups {
		for labels, ws := range groups {
			r.Labels = append(r.Labels, Group{Labels: labels, Jobs: len(ws), Wait: summary(ws)})
		}
		slices.SortFunc(r.Labels, func(a, b Group) int { return cmp.Compare(a.Labels, b.Labels) })
	}
	return r, r.count(o.Machines, price)
}

// reclaims is the simulation's name of a machine that the provider takes away.
const reclaims = "spot-reclaim"

// count adds machines and their cost up.
func (r *Report) count(machines []Machine, price Price) error {
	var life, busy, boot time.Duration
	idle := 0.0
	for i, m := range machines {
		life += m.Life()
		busy += m.Busy
		if m.Booted > 0 {
			boot += m.Booted - m.Ordered
		} else {
			boot += m.Life()
		}
		if !m.Ran {
			r.WithoutJob++
		}
		perHour, err := price.PerHour(m.Spec, m.Market)
		if err != nil {
			return fmt.Errorf("machine %d: %w", i+1, err)
		}
		r.Cost += perHour * m.Life().Hours()
		idle += perHour * (m.Life() - m.Busy).Hours()
	}
	r.PeakMachines = peak(machines)
	r.MachineHours = life.Hours()
	if life > 0 {
		r.BusyShare, r.BootShare = busy.Seconds()/life.Seconds(), boot.Seconds()/life.Seconds()
		r.IdleShare = max(0, 1-r.BusyShare-r.BootShare)
	}
	if r.Jobs > 0 {
		r.CostPerJob = r.Cost / float64(r.Jobs)
	}
	r.CostOfIdleHours = idle
	return nil
}

// waited is how long a job waited for each thing.
type waited struct{ all, room, order, boot, start time.Duration }

// partsOf divides the wait of a job that ran by what happened to its machine. A machine that was ordered before the job was
// queued, for another that then ran elsewhere, leaves the first parts empty.
func partsOf(s Served, machines []Machine, full []period) waited {
	w := waited{all: max(0, s.Started-s.Queued)}
	if s.Machine < 0 {
		w.order = w.all
		return w
	}
	m := machines[s.Machine]
	ordered := min(max(m.Ordered, s.Queued), s.Started)
	booted := min(max(m.Booted, ordered), s.Started)
	w.room = within(full, period{s.Queued, ordered})
	w.order = ordered - s.Queued - w.room
	w.boot = booted - ordered
	w.start = s.Started - booted
	return w
}

func summary(ws []waited) Wait {
	if len(ws) == 0 {
		return Wait{}
	}
	all := make([]time.Duration, 0, len(ws))
	var sum waited
	for _, w := range ws {
		all = append(all, w.all)
		sum.all, sum.room, sum.order = sum.all+w.all, sum.room+w.room, sum.order+w.order
		sum.boot, sum.start = sum.boot+w.boot, sum.start+w.start
	}
	slices.Sort(all)
	n := float64(len(ws))
	return Wait{
		P50: percentile(all, 50), P90: percentile(all, 90), P99: percentile(all, 99), Max: all[len(all)-1].Seconds(),
		Mean: sum.all.Seconds() / n, Room: sum.room.Seconds() / n, Order: sum.order.Seconds() / n,
		Boot: sum.boot.Seconds() / n, Start: sum.start.Seconds() / n,
	}
}

// percentile is the smallest of sorted durations that p percent do not exceed, in seconds.
func percentile(sorted []time.Duration, p int) float64 {
	i := (len(sorted)*p + 99) / 100 //nolint:mnd // rounded up
	return sorted[max(i, 1)-1].Seconds()
}
