package forecast

import (
	"cmp"
	"slices"
	"time"
)

// period is a time, from its beginning up to its end.
type period struct{ from, to time.Duration }

func (p period) length() time.Duration { return max(0, p.to-p.from) }

// within is how much of one period lies in others that do not overlap, in their order.
func within(others []period, p period) time.Duration {
	first, _ := slices.BinarySearchFunc(others, p.from, func(o period, at time.Duration) int { return cmp.Compare(o.to, at) })
	var sum time.Duration
	for _, o := range others[first:] {
		if o.from >= p.to {
			break
		}
		sum += period{max(o.from, p.from), min(o.to, p.to)}.length()
	}
	return sum
}

// change is a machine that comes or goes.
type change struct {
	at time.Duration
	by int
}

// changes lists when machines come and go. One that goes makes room for one that comes at the same moment.
func changes(machines []Machine) []change {
	out := make([]change, 0, 2*len(machines)) //nolint:mnd // both ends
	for _, m := range machines {
		out = append(out, change{m.Ordered, 1}, change{max(m.Ended, m.Ordered), -1})
	}
	slices.SortFunc(out, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) })
	return out
}

func peak(machines []Machine) int {
	most, now := 0, 0
	for _, c := range changes(machines) {
		now += c.by
		most = max(most, now)
	}
	return most
}

// turnover is how long a place stays empty at most between two machines while jobs wait for it: the fleet sees that one has
// gone and orders the next. The limit is what jobs wait for meanwhile.
const turnover = 30 * time.Second

// fullTimes is when there were as many machines as the limit allows, without the moments in which one followed another.
func fullTimes(machines []Machine, limit int) []period {
	if limit <= 0 {
		return nil
	}
	var out []period
	now := 0
	for _, c := range changes(machines) {
		was := now
		now += c.by
		switch {
		case now >= limit && was < limit:
			if n := len(out); n > 0 && c.at-out[n-1].to <= turnover {
				out[n-1].to = 0
				continue
			}
			out = append(out, period{from: c.at})
		case now < limit && was >= limit:
			out[len(out)-1].to = c.at
		}
	}
	return out
}
