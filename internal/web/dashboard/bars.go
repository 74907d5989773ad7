package dashboard

import (
	"math"
	"slices"
	"strconv"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// segment is the machines of a state, as a part of the bar of all places.
type segment struct {
	State       string
	Count       int
	From, Width float64 // shares of the bar
}

// life is the order of a machine's states.
func life() []fleet.MachineState {
	return []fleet.MachineState{
		fleet.MachineWorking, fleet.MachineListening, fleet.MachineAssigned, fleet.MachineReady, fleet.MachineStarting, fleet.MachineRetiring,
	}
}

func segments(counts map[string]int, places int) []segment {
	var out []segment
	all := 0
	for _, n := range counts {
		all += n
	}
	whole := float64(max(all, places, 1))
	var from float64
	for _, s := range life() {
		if n := counts[string(s)]; n > 0 {
			out = append(out, segment{State: string(s), Count: n, From: from / whole, Width: float64(n) / whole})
			from += float64(n)
		}
	}
	return out
}

// waitsChart is the waits of the jobs that ended last, the oldest first.
type waitsChart struct {
	Bars        []waitBar
	Median, P95 float64 // seconds
	Most        float64
}

type waitBar struct {
	Job       view.Job
	X, Width  float64 // shares of the chart's width
	Y, Height float64 // shares of its height, from the top
}

// minBar is the height of a bar that would not be seen otherwise.
const minBar = 0.03

// waitsOf draws how long jobs waited. Jobs that never ran, waited for an approval or were refused say nothing about it.
func waitsOf(newestFirst []view.Job) waitsChart {
	var c waitsChart
	var seconds []float64
	for _, j := range slices.Backward(newestFirst) {
		if !j.Started.IsZero() && j.Problem == nil {
			c.Bars = append(c.Bars, waitBar{Job: j})
			seconds = append(seconds, j.WaitedSeconds)
			c.Most = max(c.Most, j.WaitedSeconds)
		}
	}
	if len(c.Bars) == 0 {
		return c
	}
	slot := 1 / float64(max(len(c.Bars), 20)) // a few bars do not become a wall
	for i := range c.Bars {
		b := &c.Bars[i]
		b.Height = max(minBar, b.Job.WaitedSeconds/max(c.Most, 1e-9))
		b.Y, b.X, b.Width = 1-b.Height, float64(i)*slot, slot*0.72
	}
	slices.Sort(seconds)
	c.Median, c.P95 = quantile(seconds, 0.5), quantile(seconds, 0.95)
	return c
}

// quantile is the smallest value that so large a share of the sorted values does not exceed.
func quantile(sorted []float64, share float64) float64 {
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

func countText(n view.Count) string {
	if n.More {
		return strconv.Itoa(n.Count) + "+"
	}
	return strconv.Itoa(n.Count)
}
